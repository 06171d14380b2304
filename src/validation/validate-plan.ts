import type { Problem } from '../contracts/failures.ts';
import type { Json } from '../contracts/json.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { ResolvedPlan } from '../contracts/plan.ts';
import type { ValidatePlan, Validation } from '../contracts/validation.ts';
import { judgePlan } from './judge-plan.ts';
import { stepsPointer } from '../domain/plan/pointer.ts';
import { loadSecretHosts } from '../secrets/load-secret-hosts.ts';
import { lackOf } from '../skills/availability.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Pool } from '../storage/pool.ts';
import { admitted, fundingProblems } from './admission-problems.ts';
import { withFix } from './fixes.ts';
import { worstCaseOf } from './worst-case.ts';

export interface ValidationDeps {
  pool: Pool;
  skills: SkillRegistry;
}

/** Says whether a run with this body would be taken now, and tells everything that is against it. Errors: KEY_BOUND_TO_AGENT. */
export async function validatePlan(
  { pool, skills }: ValidationDeps,
  key: ApiKey,
  request: ValidatePlan,
  ignored: readonly Problem[],
): Promise<Validation> {
  const { admission, problems: refusals } = await admitted(pool, key, request.agent_id);
  const { agentId, agent, warnings } = admission;
  const secretHosts = await loadSecretHosts(pool, key.tenant_id, request.plan as Json);
  const judged = judgePlan(skills, request.plan as Json, agent, secretHosts);
  const funding = await fundingProblems(pool, key, agent, request.budget_cents);
  const problems = [...refusals, ...(judged.ok ? [] : judged.problems), ...funding.problems];
  return {
    valid: problems.length === 0,
    problems: problems.map(withFix),
    warnings: [
      ...ignored,
      ...warnings,
      ...judged.warnings,
      ...(judged.ok ? lacking(skills, judged.plan, request.plan) : []),
    ],
    agent_id: agentId,
    budget_cents: centsFromMicroCents(funding.budgetMicroCents),
    worst_case: judged.ok ? worstCaseOf(skills, judged.plan) : null,
    step_count: judged.ok ? judged.plan.steps.length : null,
  };
}

/** Calls of what the installation lacks a part for: the run would be taken, and fail there. */
function lacking(skills: SkillRegistry, { steps }: ResolvedPlan, raw: unknown): Problem[] {
  const above = stepsPointer('/plan', raw);
  return steps.flatMap(({ index, skill, fallback, compensate }) =>
    [
      { place: '', id: skill },
      ...(fallback ? [{ place: '/fallback', id: fallback.skill }] : []),
      ...(compensate ? [{ place: '/compensate', id: compensate.skill }] : []),
    ].flatMap(({ place, id }): Problem[] => {
      const lack = lackOf(skills.get(id)!.contract);
      if (!lack) return [];
      const pointer = `${above}/${index}${place}/skill`;
      return [{ pointer, code: lack.code, message: `${lack.reason} ${lack.fix}` }];
    }),
  );
}
