import type { AosError } from '../contracts/failures.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import type { SkillContract, SkillResult } from '../contracts/skill.ts';

/** The secrets of a call, which stand in its params as tokens, and those that may be in what comes back. */
export interface RequestSecrets {
  /** Gets to know the secrets that a server may know: before anything is sent there. */
  meet(url: URL): Promise<void>;
  /** Why what carries the secrets of the call may not go to a URL. */
  refusalOf(url: URL, isRedirect: boolean): AosError | undefined;
  /** Puts the values in place of their tokens, each written as its place needs it. Errors: PARAMS_TOO_LARGE. */
  fill(text: string, write?: (value: string) => string): string;
  /** Whether there is anything to hide. */
  knowsAny: () => boolean;
  /** These hide the values in what comes back. */
  text: (text: string) => string;
  json: (value: Json) => Promise<Json>;
  bytes: (bytes: Buffer) => Promise<Buffer>;
  /** How long a secret may be in a text, at most: one that was cut off may end within it. */
  longest: () => number;
}

export interface SkillCall {
  /** Resolved params that have passed the contract's schema. */
  params: JsonObject;
  tenantId: string;
  /** Goes outside with the effect, the same over tries and crashes. */
  effectKey: string;
  /** The trace of the run (W3C traceparent): goes outside with the call. */
  traceparent?: string;
  /** The hosts that its requests may go to, each redirect too; absent: all. */
  allowedHosts?: readonly string[];
  /** Absent where none are known, as in tests of a skill alone. */
  secrets?: RequestSecrets;
  /** Aborts at the deadline, on cancel and at a worker's shutdown; the skill then returns soon. */
  signal: AbortSignal;
  /** How long the call may take, milliseconds. A skill reports `TIMEOUT` when this is over. */
  timeoutMs: number;
}

/** One skill. Interface here, implementations one file each. */
export interface Skill {
  contract: SkillContract;
  /** The most one call with these resolved params can cost, in micro-cents. */
  worstCaseMicroCents(params: JsonObject): number;
  /** Whether the call may be repeated under the same effect key when its worker was lost. */
  isIdempotent(params: JsonObject): boolean;
  /** What the params themselves ask for, before the step's own `timeout_ms`. */
  timeoutMs(params: JsonObject): number | undefined;
  call(call: SkillCall): Promise<SkillResult>;
  /** For skills whose contract says `inline`: the call inside a chain, or `deferred` when it is not quick. */
  callQuickly?(call: SkillCall): Promise<SkillResult | 'deferred'>;
}
