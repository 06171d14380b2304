import { agentRefusal } from '../agents/failures.ts';
import type { Budget } from '../contracts/budget.ts';
import type { Problem } from '../contracts/failures.ts';
import type { Json } from '../contracts/json.ts';
import { PROBLEMS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Simulate, Simulation, StepEstimate } from '../contracts/simulation.ts';
import type { SecretHosts } from '../domain/plan/check-secrets.ts';
import { checkPlan } from '../runs/check-plan.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { AgentRow } from '../storage/agents.ts';
import { boundsOf, warnOfBudget } from './bounds.ts';
import { longestPathMs } from './duration.ts';
import { estimateCall } from './estimate-step.ts';
import { forbiddenOf, lackingOf } from './permission-gaps.ts';
import { readPlan } from './read-steps.ts';
import type { ReadPlan, ReadStep } from './read-steps.ts';
import { failureModesOf, risksOf, successProbability } from './risks.ts';
import { overCapOf, warningsOf } from './subject.ts';
import { judge } from './verdict.ts';

/** Whom the run would be of, and what that one has now. */
export interface SimulationSubject {
  agentId: string | null;
  agent: AgentRow | undefined;
  /** The tenant takes only runs of its agents. */
  agentsRequired: boolean;
  budgets: readonly Budget[];
  /** Of the secrets that the plan names, if it names any. */
  secretHosts: SecretHosts | undefined;
}

export interface SimulationDeps {
  skills: SkillRegistry;
  priceTableVersion: string;
}

/** Says what would come of a plan, from the contracts of the skills alone. It calls nothing and has no clock. */
export function simulate(
  { skills, priceTableVersion }: SimulationDeps,
  request: Simulate,
  subject: SimulationSubject,
  warnings: readonly Problem[] = [],
): Simulation {
  const contracts = contractsOf(skills);
  const plan = readPlan(request.plan as Json);
  const steps = plan.steps.map((step) => {
    const contract = contracts.get(step.skill);
    const call = estimateCall(step, contract && skills.get(contract.id));
    const latencyMs = (contract?.latency.typical_ms ?? 0) * step.iterations;
    return { ...step, contract, call, latencyMs, microCents: call.microCents * step.iterations };
  });
  const costCents = centsFromMicroCents(steps.reduce((sum, { microCents }) => sum + microCents, 0));
  const { agent } = subject;
  const { budget_cents: budgetCents } = request;

  const checked = checkPlan(plan.toCheck, contracts);
  const problems = [
    ...plan.problems,
    // A plan that does nothing does it at once and for nothing.
    ...(checked.ok ? [] : checked.problems.filter(({ code }) => code !== 'NO_STEPS')),
  ].slice(0, PROBLEMS_MAX);
  const policy = {
    allowedSkills: agent?.allowed_skills ?? null,
    allowedHosts: agent?.allowed_hosts ?? null,
  };
  const forbidden = forbiddenOf(plan, contracts, policy, subject.secretHosts);
  const lacking = lackingOf(plan, contracts);
  const overCaps = steps.flatMap((step) => overCapOf(step, step.call.microCents, agent));
  const dearestCents = centsFromMicroCents(
    Math.max(0, ...steps.map(({ call }) => call.microCents)),
  );
  const bounds = boundsOf(costCents, dearestCents, subject.budgets, agent);
  const { status, reason, onlyBudget } = judge({
    problems,
    refusal: agentRefusal(subject)?.failure.detail,
    forbidden,
    overCaps: overCaps.map(({ message }) => message),
    bounds,
    costCents,
    budgetCents,
  });

  const failing = failingSteps(plan, problems, [
    ...forbidden.map(({ step_index: index }) => index),
    ...overCaps.map(({ index }) => index),
  ]);
  return {
    feasible: status === 'feasible',
    status,
    ...(reason !== undefined && { reason }),
    basis: 'contract',
    agent_id: subject.agentId,
    budget_cents: budgetCents,
    budget_sufficient: costCents <= budgetCents,
    estimated_cost_cents: costCents,
    budget_remaining_cents: budgetCents - costCents,
    estimated_duration_ms: longestPathMs(steps),
    success_probability: status === 'feasible' ? successProbability(steps) : 0,
    price_table_version: priceTableVersion,
    step_estimates: steps.map(viewEstimate),
    risks: steps.flatMap((step) => risksOf(step, step.contract)),
    permission_gaps: [...forbidden, ...lacking],
    bounds,
    alternatives: onlyBudget
      ? [
          {
            action: 'raise_budget',
            budget_cents: costCents,
            why: `With a budget of ${costCents} cents the plan is feasible.`,
          },
        ]
      : [],
    problems,
    warnings: [
      ...warnings,
      ...warningsOf(subject, lacking, contracts),
      ...warnOfBudget(budgetCents, bounds),
      ...plan.warnings,
      ...checked.warnings,
    ].slice(0, PROBLEMS_MAX),
    steps: steps.map(({ index, skill, microCents }) => ({
      index,
      skill,
      estimated_cost_cents: centsFromMicroCents(microCents),
      feasible: !failing.has(index),
    })),
    step_simulations: steps.map(({ index, microCents, contract }) => ({
      step_index: index,
      feasible: !failing.has(index),
      estimated_cost_cents: centsFromMicroCents(microCents),
      failure_modes: contract ? failureModesOf(contract).map(({ code }) => code) : [],
    })),
  };
}

type EstimatedStep = ReadStep & {
  call: { isWorstCase: boolean };
  latencyMs: number;
  microCents: number;
};

const viewEstimate = (step: EstimatedStep): StepEstimate => ({
  step_index: step.index,
  step_id: step.id,
  skill_id: step.skill,
  iterations: step.iterations,
  estimated_cost_cents: centsFromMicroCents(step.microCents),
  ...(step.call.isWorstCase && { worst_case_cost_cents: centsFromMicroCents(step.microCents) }),
  estimated_latency_ms: step.latencyMs,
});

/** The steps that something is told against. */
function failingSteps(
  { pointer: above }: ReadPlan,
  problems: readonly Problem[],
  others: readonly number[],
): Set<number> {
  const told = problems.flatMap(({ pointer }) => {
    const index = pointer.startsWith(`${above}/`) ? pointer.slice(above.length + 1) : '';
    return /^\d+/.test(index) ? [Number.parseInt(index, 10)] : [];
  });
  return new Set([...told, ...others]);
}
