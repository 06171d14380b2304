import type { FailurePattern, MeasuredSkill, Observed } from '../contracts/capabilities.ts';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { viewSkill } from '../skills/view-skill.ts';
import type { ObservationRow } from '../storage/observations.ts';

/** A skill as its contract and the tenant's own calls describe it. */
export function measureSkill(
  contract: SkillContract,
  observation: ObservationRow | undefined,
): MeasuredSkill {
  const { name, version, cost_model: cost, failure_modes: modes } = viewSkill(contract);
  const observed = observation ? viewObservation(observation) : null;
  const counts = new Map(Object.entries(observation?.codes ?? {}));
  const promised = modes.map((mode): FailurePattern => ({
    ...mode,
    observed_count: counts.get(mode.code) ?? 0,
  }));
  const others = [...counts].filter(([code]) => !modes.some((mode) => mode.code === code));
  return {
    name,
    version,
    cost_estimate_cents: cost.base_cents,
    cost_model: cost,
    avg_latency_ms: observed?.avg_latency_ms ?? contract.latency.typical_ms,
    latency_basis: observed ? 'observed' : 'contract',
    typical_latency_ms: contract.latency.typical_ms,
    observed,
    known_failure_patterns: [
      ...promised,
      ...others.flatMap(([code, count]) => unpromised(code, count)),
    ],
  };
}

const ms = (value: number): number => Math.round(value * 10) / 10;

const viewObservation = ({ calls, failed, ...took }: ObservationRow): Observed => ({
  sample_size: calls,
  avg_latency_ms: ms(took.avg_ms),
  p50_latency_ms: ms(took.p50_ms),
  p95_latency_ms: ms(took.p95_ms),
  failure_rate: Math.round((failed / calls) * 1e4) / 1e4,
});

/** A failure that any step may have, whatever its skill. */
function unpromised(code: string, count: number): FailurePattern[] {
  if (!Object.hasOwn(FAILURE_CODES, code)) return [];
  const { retryable } = FAILURE_CODES[code as FailureCode];
  return [{ code, retryable, probability: null, observed_count: count }];
}
