import type { Json } from '../contracts/json.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { AgentRow } from '../storage/agents.ts';
import { permissionProblems } from './admission.ts';
import { checkPlan } from './check-plan.ts';
import type { CheckedPlan } from './check-plan.ts';

/** Judges the `plan` of a request as its submission does: against the contracts, then what the agent may do. */
export function judgePlan(
  skills: SkillRegistry,
  raw: Json,
  agent: AgentRow | undefined,
): CheckedPlan {
  const checked = checkPlan(raw, contractsOf(skills));
  if (!checked.ok) return checked;
  const pointer = Array.isArray(raw) ? '/plan' : '/plan/steps';
  const problems = permissionProblems(checked.plan, agent, pointer);
  return problems.length === 0 ? checked : { ok: false, problems, warnings: checked.warnings };
}
