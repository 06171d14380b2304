import type { Problem } from '../contracts/failures.ts';
import type { Bound, PermissionGap, SimulationStatus } from '../contracts/simulation.ts';

export interface Findings {
  problems: readonly Problem[];
  /** Why no run of the agent is taken at all. */
  refusal: string | undefined;
  forbidden: readonly PermissionGap[];
  /** Calls that would cost more than their step may, one sentence each. */
  overCaps: readonly string[];
  bounds: readonly Bound[];
  costCents: number;
  budgetCents: number;
}

export interface Verdict {
  status: SimulationStatus;
  /** Every reason, the weightiest first; undefined for a feasible plan. */
  reason: string | undefined;
  /** Nothing but money is missing in the request. */
  onlyBudget: boolean;
}

const firstOf = (sentences: readonly string[]): string[] => {
  const [first, ...others] = sentences;
  if (first === undefined) return [];
  return [others.length === 0 ? first : `${first} (and ${others.length} more)`];
};

/** Decides whether the plan could be run. */
export function judge(findings: Findings): Verdict {
  const { problems, refusal, forbidden, overCaps, bounds, costCents, budgetCents } = findings;
  const short = (name: Bound['name']): Bound[] =>
    bounds.filter((bound) => bound.name === name && !bound.sufficient);
  const overBudget =
    costCents > budgetCents
      ? [`The plan costs ${costCents} cents, and its budget is ${budgetCents}.`]
      : [];
  const left = short('remaining_budget').map(
    ({ level, limit_cents: cents }) =>
      `The plan costs ${costCents} cents, and the ${level} has ${cents} left.`,
  );
  const runCap = short('max_run_cost_cents').map(
    ({ limit_cents: cents }) =>
      `The plan costs ${costCents} cents, and a run of the agent may cost ${cents} (max_run_cost_cents).`,
  );
  const reasons: [SimulationStatus, string[]][] = [
    ['plan_invalid', firstOf(problems.map(({ pointer, message }) => `${pointer}: ${message}`))],
    ['not_permitted', refusal === undefined ? [] : [refusal]],
    ['not_permitted', firstOf(forbidden.map(({ pointer, message }) => `${pointer}: ${message}`))],
    ['limit_exceeded', [...runCap, ...firstOf(overCaps)]],
    ['budget_insufficient', [...overBudget, ...left]],
  ];
  const said = reasons.filter(([, sentences]) => sentences.length > 0);
  if (said.length === 0) return { status: 'feasible', reason: undefined, onlyBudget: false };
  const sentences = said.flatMap(([, each]) => each);
  return {
    status: said[0]![0],
    reason: sentences.join(' '),
    onlyBudget: overBudget.length > 0 && sentences.length === 1,
  };
}
