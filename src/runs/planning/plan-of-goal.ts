import { AosError } from '../../contracts/failures.ts';
import {
  COMPENSATION_DEADLINE_DEFAULT_MS,
  MAX_PARALLEL_DEFAULT,
  RUN_DEADLINE_DEFAULT_MS,
} from '../../contracts/limits.ts';
import type { ResolvedPlan } from '../../contracts/plan.ts';
import { PLAN_GOAL, PLAN_STEP_ID } from '../../contracts/planner.ts';
import { escapeReferences } from '../../domain/plan/reference-syntax.ts';
import { retryPolicyOf } from '../../domain/plan/retry-policy.ts';
import { quote, quoteSome } from '../../domain/plan/wording.ts';
import { contractsOf } from '../../skills/registry.ts';
import type { SkillRegistry } from '../../skills/registry.ts';

/** What the plan of a goal may use. */
export interface GoalWish {
  /** Null allows all skills. */
  allowedSkills: readonly string[] | null;
  /** Null allows all hosts. */
  allowedHosts: readonly string[] | null;
  forceSkill?: string | undefined;
  skills: SkillRegistry;
  /** @default false */
  hasInput?: boolean;
}

/**
 * The plan that a run with a goal begins with: one step, which makes the plan proper. What that may use is fixed now.
 * Errors: SKILL_NOT_FOUND and SKILL_NOT_ALLOWED, of `forceSkill`.
 */
export function planOfGoal(
  goal: string,
  { allowedSkills, allowedHosts, forceSkill, skills, hasInput = false }: GoalWish,
): ResolvedPlan {
  if (forceSkill !== undefined) refuseUnusable(forceSkill, allowedSkills, skills);
  const { id: skill, version, retry } = skills.get(PLAN_GOAL)!.contract;
  return {
    steps: [
      {
        id: PLAN_STEP_ID,
        index: 0,
        skill,
        skill_version: version,
        params: {
          // A goal is text, whatever braces it holds.
          goal: escapeReferences(goal),
          allowed_skills: allowedSkills && [...allowedSkills],
          allowed_hosts: allowedHosts && [...allowedHosts],
          ...(forceSkill !== undefined && { force_skill: forceSkill }),
          ...(hasInput && { input: '{{input}}' }),
        },
        depends_on: [],
        inline: false,
        policy: { ...retryPolicyOf({}, retry.max_attempts), on_error: 'fail' },
      },
    ],
    deadline_ms: RUN_DEADLINE_DEFAULT_MS,
    compensation_deadline_ms: COMPENSATION_DEADLINE_DEFAULT_MS,
    max_parallel: MAX_PARALLEL_DEFAULT,
  };
}

function refuseUnusable(
  skill: string,
  allowed: readonly string[] | null,
  skills: SkillRegistry,
): void {
  const known = [...contractsOf(skills).keys()];
  if (!known.includes(skill)) {
    const message = `\`force_skill\`: there is no skill ${quote(skill)}. The skills are ${quoteSome(known, 30)}.`;
    throw new AosError('SKILL_NOT_FOUND', message, { status: 422 });
  }
  if (allowed !== null && !allowed.includes(skill)) {
    const may = allowed.length === 0 ? 'none' : quoteSome(allowed, 30);
    throw new AosError(
      'SKILL_NOT_ALLOWED',
      `\`force_skill\`: the agent may not use ${quote(skill)}; it may use ${may}.`,
      { limit: { name: 'allowed_skills', value: [...allowed], asked: skill } },
    );
  }
}
