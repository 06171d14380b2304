import type { Problem } from '../../contracts/failures.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { PLANNER_ATTEMPTS_MAX } from '../../contracts/limits.ts';
import type { SkillContract, SkillFailure, SkillUsage } from '../../contracts/skill.ts';
import type { Skill, SkillCall } from '../../skills/skill.ts';
import { checkMadePlan, usableContracts } from './check-made-plan.ts';
import type { Contracts } from './check-made-plan.ts';
import { createPlanGoalContract, PlanGoalParams } from './contract.ts';
import { describeSkill } from './describe-skill.ts';
import { failureOfModel, noProvider, noSkill, plannerFailed } from './planner-failures.ts';
import { askForPlan, askForRepair, longestRepair } from './prompt.ts';
import { readPlan } from './read-plan.ts';

export interface PlanGoalDeps {
  /** The skill `llm_invoke`, by which a model is asked. */
  llm: Skill;
  /** The skills that plans may name. */
  contracts: () => Contracts;
}

/** What the model answers with, of all that `llm_invoke` gives. */
interface Said {
  text: string;
  finish_reason: string;
  model: string;
  provider: string;
}

/** What a call comes to. */
type Made = { ok: true; output: Json } | { ok: false; failure: SkillFailure };

/** Creates the skill `plan_goal`: asks the configured model for a plan, checks it, and has it repaired once. */
export function createPlanGoal({ llm, contracts }: PlanGoalDeps): Skill {
  const descriptions = new WeakMap<SkillContract, string>();
  const describe = (contract: SkillContract): string => {
    const text = descriptions.get(contract) ?? describeSkill(contract);
    descriptions.set(contract, text);
    return text;
  };

  /** The first question; a failure where there is nobody to ask, or nothing to make a plan of. */
  function question(params: PlanGoalParams): JsonObject | SkillFailure {
    if (llm.contract.lacks) return noProvider(llm.contract.lacks);
    const usable = [...usableContracts(contracts(), params).values()];
    if (usable.length === 0) return noSkill();
    return askForPlan({
      goal: params.goal,
      input: params.input as Json | undefined,
      allowedHosts: params.allowed_hosts,
      skills: usable.map(describe),
    });
  }

  async function make(call: SkillCall, usages: SkillUsage[]): Promise<Made> {
    const params = PlanGoalParams.parse(call.params);
    const first = question(params);
    if (isFailure(first)) return { ok: false, failure: first };
    const startedAt = performance.now();
    let asked = first;
    for (let attempts = 1; ; attempts += 1) {
      const timeoutMs = Math.max(1, call.timeoutMs - Math.round(performance.now() - startedAt));
      const result = await llm.call({ ...call, params: asked, timeoutMs });
      usages.push(result.usage);
      if (!result.ok) return { ok: false, failure: failureOfModel(result.failure) };
      const said = result.output as unknown as Said;
      const plan = readPlan(said.text);
      const problems =
        plan === undefined ? [noPlanIn(said)] : problemsOf(plan, contracts(), params);
      if (problems.length === 0) {
        const { model, provider } = said;
        return { ok: true, output: { plan: plan!, attempts, model, provider } };
      }
      if (attempts === PLANNER_ATTEMPTS_MAX) return { ok: false, failure: plannerFailed(problems) };
      asked = askForRepair(first, said.text, problems);
    }
  }

  return {
    contract: createPlanGoalContract(llm.contract),
    worstCaseMicroCents(params) {
      const first = question(PlanGoalParams.parse(params));
      if (isFailure(first)) return 0;
      return llm.worstCaseMicroCents(first) + llm.worstCaseMicroCents(longestRepair(first));
    },
    isIdempotent: () => true,
    timeoutMs: () => undefined,
    async call(call) {
      const usages: SkillUsage[] = [];
      const made = await make(call, usages);
      return { ...made, usage: sumOf(usages) };
    },
  };
}

const isFailure = (question: JsonObject | SkillFailure): question is SkillFailure =>
  'code' in question;

const problemsOf = (plan: Json, contracts: Contracts, params: PlanGoalParams): Problem[] => {
  const checked = checkMadePlan(plan, contracts, params);
  return checked.ok ? [] : checked.problems;
};

const noPlanIn = ({ finish_reason: reason }: Said): Problem => ({
  pointer: '',
  code: 'INVALID_TYPE',
  message:
    reason === 'length'
      ? 'the answer was cut off, so it is no whole JSON. Take fewer steps, and shorter params.'
      : 'the answer is not JSON. Answer with the JSON object alone.',
});

const sumOf = (usages: readonly SkillUsage[]): SkillUsage => ({
  cost_micro_cents: usages.reduce((sum, { cost_micro_cents: cost }) => sum + cost, 0),
  ...(usages.some(({ presumed }) => presumed === true) && { presumed: true }),
});
