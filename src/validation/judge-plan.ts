import type { Json } from '../contracts/json.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { AgentRow } from '../storage/agents.ts';
import { checkSecrets } from '../domain/plan/check-secrets.ts';
import type { SecretHosts } from '../domain/plan/check-secrets.ts';
import { stepsPointer } from '../domain/plan/pointer.ts';
import { forbiddenIn, toProblems } from '../runs/admission.ts';
import { checkPlan } from '../runs/check-plan.ts';
import type { CheckedPlan } from '../runs/check-plan.ts';

/** Judges the `plan` of a request as its submission does: against the contracts, then what the agent and its secrets may do. */
export function judgePlan(
  skills: SkillRegistry,
  raw: Json,
  agent: AgentRow | undefined,
  secretHosts: SecretHosts | undefined,
): CheckedPlan {
  const checked = checkPlan(raw, contractsOf(skills));
  if (!checked.ok) return checked;
  const pointer = stepsPointer('/plan', raw);
  const problems = toProblems([
    ...forbiddenIn(checked.plan, agent, pointer),
    ...checkSecrets(checked.plan, secretHosts, pointer),
  ]);
  return problems.length === 0 ? checked : { ok: false, problems, warnings: checked.warnings };
}
