import type { JsonObject } from '../contracts/json.ts';
import type { SkillContract, SkillResult } from '../contracts/skill.ts';

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
