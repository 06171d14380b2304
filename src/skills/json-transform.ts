import { z } from 'zod';
import type { Json } from '../contracts/json.ts';
import {
  OUTPUT_BYTES_MAX,
  TRANSFORM_DEPTH_MAX,
  TRANSFORM_QUERY_LENGTH_MAX,
  TRANSFORM_QUICK_MS,
  TRANSFORM_TIMEOUT_DEFAULT_MS,
  TRANSFORM_TIMEOUT_MAX_MS,
} from '../contracts/limits.ts';
import type { SkillContract, SkillFailure, SkillResult } from '../contracts/skill.ts';
import type { Skill, SkillCall } from './skill.ts';
import { compilePath } from './transform/path.ts';
import type { PathResult } from './transform/path.ts';
import type { TransformOutcome, TransformPool } from './transform/pool.ts';

const BUSY_RETRY_AFTER_MS = 1000;

const Query = z.string().min(1).max(TRANSFORM_QUERY_LENGTH_MAX);

const JsonTransformParams = z
  .object({
    query: Query.optional().describe('The jq program.'),
    jq: Query.optional().describe('Another name for `query`.'),
    // The data were JSON when they came in; to check them again would walk, and copy, up to 16 MiB.
    input: z.unknown().optional().describe('The data, any JSON.'),
    data: z.unknown().optional().describe('The data, any JSON, when there is no `input`.'),
    input_path: z
      .string()
      .optional()
      .describe('Where the data are, e.g. `$.steps[0].result.body`.'),
    timeout_ms: z.int().min(1).max(TRANSFORM_TIMEOUT_MAX_MS).optional(),
  })
  .refine((params) => (params.query === undefined) !== (params.jq === undefined), {
    message: 'Give the jq program in exactly one of `query` and `jq`.',
    path: ['query'],
  });

export const jsonTransformContract: SkillContract = {
  id: 'json_transform',
  name: 'JSON transform',
  version: '1.0.0',
  description:
    'Runs a jq 1.7 program on JSON data: those in `input`, else `data`, else the output of the previous step. ' +
    'One output value is the result itself, several become an array, none (`empty`) becomes null. ' +
    'No files, environment or modules. Numbers are as precise as doubles. Unless the program is only a path, ' +
    `data and output may nest ${TRANSFORM_DEPTH_MAX} levels, and half a surrogate pair in the data becomes U+FFFD.`,
  params: JsonTransformParams,
  output: z.unknown().describe('Any JSON.'),
  cost: { per: 'none', base_micro_cents: 0, note: 'Free.' },
  latency: { typical_ms: 5 },
  timeout: { default_ms: TRANSFORM_TIMEOUT_DEFAULT_MS, max_ms: TRANSFORM_TIMEOUT_MAX_MS },
  retry: { max_attempts: 1 },
  limits: {
    query_length_max: TRANSFORM_QUERY_LENGTH_MAX,
    output_bytes_max: OUTPUT_BYTES_MAX,
    quick_ms: TRANSFORM_QUICK_MS,
  },
  side_effects: 'none',
  idempotent: 'always',
  failure_modes: [
    {
      code: 'TRANSFORM_FAILED',
      description: 'The program does not fit its data.',
      probability: 0.01,
    },
    {
      code: 'TRANSFORM_QUERY_INVALID',
      description: 'The program does not compile.',
      probability: 0.005,
    },
    { code: 'TIMEOUT', description: 'The program computes for too long.', probability: 0.001 },
    {
      code: 'TRANSFORM_OUT_OF_MEMORY',
      description: 'The program builds too much at once.',
      probability: 0.001,
    },
    {
      code: 'OUTPUT_TOO_LARGE',
      description: 'The program returns more than 10 MiB.',
      probability: 0.001,
    },
    {
      code: 'SERVICE_UNAVAILABLE',
      description: 'Too many programs wait already.',
      probability: 0.001,
    },
  ],
  inline: true,
  takes_previous: { into: 'data', unless: ['data', 'input', 'input_path'] },
};

/** A skill whose quick calls may run inside a chain; `deferred` asks for a call of its own. */
export type QuickSkill = Skill & Required<Pick<Skill, 'callQuickly'>>;

export interface JsonTransformDeps {
  pool: TransformPool;
}

/** Creates the skill `json_transform`: paths at once, all other programs in the pool. */
export function createJsonTransform({ pool }: JsonTransformDeps): QuickSkill {
  async function transform(lane: 'quick' | 'slow', call: SkillCall): Promise<TransformOutcome> {
    const { query: program, jq } = call.params;
    const query = typeof program === 'string' ? program : typeof jq === 'string' ? jq : '';
    const data = firstPresent(call.params['input'], call.params['data']);
    const path = compilePath(query);
    if (path !== undefined) return toOutcome(path(data));
    const inputText = toText(data);
    if (inputText === undefined) {
      return {
        kind: 'failure',
        code: 'TRANSFORM_FAILED',
        message: `The data nest too deep for jq, which reads ${TRANSFORM_DEPTH_MAX} levels.`,
      };
    }
    const { tenantId, signal } = call;
    const timeoutMs = Math.min(call.timeoutMs, TRANSFORM_TIMEOUT_MAX_MS);
    return pool.run({ lane, query, inputText, tenantId, timeoutMs, signal });
  }
  return {
    contract: jsonTransformContract,
    worstCaseMicroCents: () => 0,
    isIdempotent: () => true,
    timeoutMs: (params) =>
      typeof params['timeout_ms'] === 'number' ? params['timeout_ms'] : undefined,
    call: async (call) => toResult(await transform('slow', call), call.timeoutMs),
    async callQuickly(call) {
      const outcome = await transform('quick', call);
      const isSettled = outcome.kind === 'output' || outcome.kind === 'failure';
      return isSettled ? toResult(outcome, call.timeoutMs) : 'deferred';
    },
  };
}

const firstPresent = (...values: (Json | undefined)[]): Json =>
  values.find((value) => value !== undefined) ?? null;

/** `undefined` when the data nest too deep to be written as text. */
function toText(data: Json): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

const toOutcome = (found: PathResult): TransformOutcome =>
  found.ok
    ? { kind: 'output', output: found.value }
    : {
        kind: 'failure',
        code: 'TRANSFORM_FAILED',
        message: `The jq program failed: ${found.message}`,
      };

const failed = (failure: SkillFailure): SkillResult => ({
  ok: false,
  failure,
  usage: { cost_micro_cents: 0 },
});

function toResult(outcome: TransformOutcome, timeoutMs: number): SkillResult {
  switch (outcome.kind) {
    case 'output':
      return { ok: true, output: outcome.output, usage: { cost_micro_cents: 0 } };
    case 'failure':
      return failed({ code: outcome.code, message: outcome.message });
    case 'timeout':
      return tookTooLong(timeoutMs);
    case 'aborted':
      // The step's own deadline may come a moment before the program's: what matters is who used up the time.
      return outcome.computedMs >= timeoutMs / 2 ? tookTooLong(timeoutMs) : stopped();
    case 'busy':
      return failed({
        code: 'SERVICE_UNAVAILABLE',
        message: 'Too many jq programs are waiting. Try again later.',
        retry_after_ms: BUSY_RETRY_AFTER_MS,
      });
  }
}

const tookTooLong = (timeoutMs: number): SkillResult =>
  failed({
    code: 'TIMEOUT',
    message:
      `The jq program was still computing after ${Math.min(timeoutMs, TRANSFORM_TIMEOUT_MAX_MS)} ms, its limit. ` +
      `Make it do less, or raise timeout_ms (at most ${TRANSFORM_TIMEOUT_MAX_MS}).`,
    // The same program needs as long the next time.
    retryable: false,
  });

const stopped = (): SkillResult =>
  failed({
    code: 'TIMEOUT',
    message:
      'The jq program was stopped while it waited for its turn or had just begun. Try again later.',
  });
