import { z } from 'zod';
import type { Json } from '../../src/contracts/json.ts';
import type { SkillContract, SkillResult } from '../../src/contracts/skill.ts';
import type { Skill, SkillCall } from '../../src/skills/skill.ts';

export interface ScriptedSkill extends Skill {
  /** The calls that were made, in order. */
  calls: SkillCall[];
}

export interface Script {
  id: string;
  worstMicroCents?: number;
  per?: SkillContract['cost']['per'];
  idempotent?: boolean;
  /** What the n-th call of the whole test does, from 1. */
  call: (call: SkillCall, n: number) => Promise<SkillResult> | SkillResult;
}

export const succeed = (output: Json, cost = 0): SkillResult => ({
  ok: true,
  output,
  usage: { cost_micro_cents: cost },
});

export const fail = (
  code: 'HTTP_5XX' | 'HTTP_4XX' | 'TIMEOUT' | 'CANCELLED',
  cost = 0,
  retry_after_ms?: number,
): SkillResult => ({
  ok: false,
  failure: {
    code,
    message: `scripted ${code}`,
    ...(retry_after_ms !== undefined && { retry_after_ms }),
  },
  usage: { cost_micro_cents: cost },
});

/** Resolves after `ms`, or at once when the signal aborts; a test that waits for it no longer may end before. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** A real skill whose behaviour a test writes: it goes through registry, activities and ledger like any other. */
export function createScriptedSkill(script: Script): ScriptedSkill {
  const calls: SkillCall[] = [];
  return {
    calls,
    contract: {
      id: script.id,
      name: script.id,
      version: '1.0.0',
      description: 'Does what a test says.',
      params: z.object({ value: z.json().optional() }),
      output: z.json(),
      cost: { per: script.per ?? 'call', base_micro_cents: 0, note: 'scripted' },
      latency: { typical_ms: 1 },
      timeout: { default_ms: 30_000, max_ms: 120_000 },
      retry: { max_attempts: 3 },
      limits: {},
      side_effects: 'outside',
      idempotent: 'depends',
      failure_modes: [{ code: 'HTTP_5XX', description: 'scripted', probability: 0 }],
      inline: false,
    },
    worstCaseMicroCents: () => script.worstMicroCents ?? 0,
    isIdempotent: () => script.idempotent ?? true,
    timeoutMs: () => undefined,
    async call(call) {
      calls.push(call);
      return script.call(call, calls.length);
    },
  };
}
