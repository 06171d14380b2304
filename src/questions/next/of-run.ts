import { FAILURE_CODES } from '../../contracts/failure-codes.ts';
import type { Failure } from '../../contracts/failures.ts';
import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { BUDGET_CENTS_MAX, RUN_DEADLINE_MAX_MS } from '../../contracts/limits.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import { levelOf } from '../../domain/budget-thresholds.ts';
import { parseFailure } from '../../runs/failures.ts';
import { isOpen } from '../../runs/run-state.ts';
import type { AgentRow } from '../../storage/agents.ts';
import type { RunRow } from '../../storage/runs.ts';
import type { Submission } from '../../storage/submissions.ts';
import { propose } from './allowed.ts';
import type { Proposed } from './allowed.ts';

/** What may be done next about a run, by its state and its failure; the most useful first. */
export function actionsOfRun(
  run: RunRow,
  submission: Submission,
  agent: AgentRow | undefined,
): Proposed[] {
  if (isOpen(run)) return actionsOfOpenRun(run);
  const failure = run.failure === null ? undefined : parseFailure(run.failure);
  const isArchived = agent?.status === 'archived';
  return [
    ...(failure ? actionsAfter(run, failure, submission) : readOutput(run)),
    ...(isArchived ? [] : submitAgain(run, failure, submission)),
    propose('read_run', 'getRun', {
      parameters: { run_id: run.id },
      why: 'All of it, with its steps.',
    }),
  ];
}

function actionsOfOpenRun(run: RunRow): Proposed[] {
  const parameters = { run_id: run.id };
  const isEnding = run.cancel_requested_at !== null || run.compensate_until !== null;
  const wait = propose('wait', 'getRun', {
    parameters,
    query: '?wait=30s',
    why: `It is ${run.status}: this answers at its end, or after 30 seconds.`,
  });
  if (isEnding) return [wait];
  const why =
    'It has not ended: steps that have not begun are not run, and what compensates is done.';
  return [wait, propose('cancel', 'cancelRun', { parameters, body: {}, why })];
}

const readOutput = (run: RunRow): Proposed[] =>
  run.output_step_id === null
    ? []
    : [
        propose('read_output', 'getStepOutput', {
          parameters: { run_id: run.id, step_id: run.output_step_id },
          why: 'It has succeeded: the output of the step that is the output of the run.',
        }),
      ];

function actionsAfter(run: RunRow, failure: Failure, { plan }: Submission): Proposed[] {
  const asked = propose('ask_why', 'askQuestion', {
    body: { query_type: 'why_did_step_fail', run_id: run.id },
    why: 'The failure with its tries and what it came from.',
  });
  const { action } = FAILURE_CODES[failure.code];
  if (action === 'fix_plan' && plan != null) {
    const why = `Correct the plan, which failed with ${failure.code}, and check it so before it is submitted.`;
    return [asked, propose('check_plan', 'validatePlan', { body: { plan }, why })];
  }
  const { limit } = failure;
  const isTenants = limit?.account_id !== undefined && levelOf(limit.account_id) === 'tenant';
  if (failure.code === 'BUDGET_EXCEEDED' && isTenants && typeof limit.asked === 'number') {
    const why = 'The account of the tenant has not enough left for what was asked.';
    return [asked, propose('top_up', 'topUpAccount', { body: { amount_cents: limit.asked }, why })];
  }
  return [asked];
}

function submitAgain(
  run: RunRow,
  failure: Failure | undefined,
  { plan, input }: Submission,
): Proposed[] {
  // What is too large to be shown cannot be sent as it is.
  if (plan === undefined || input === undefined || (plan === null && run.goal === null)) return [];
  const { budgetCents, deadlineMs, why } = changedFor(run, failure);
  const changed = deadlineMs === undefined ? plan : withDeadline(plan, deadlineMs);
  const body: JsonObject = {
    ...(changed !== null && { plan: changed }),
    ...(run.goal !== null && { goal: run.goal }),
    ...(run.agent_id !== null && { agent_id: run.agent_id }),
    ...(input !== null && { input }),
    ...(Object.keys(run.labels).length > 0 && { labels: run.labels }),
    budget_cents: budgetCents,
  };
  return [propose('submit_again', 'submitRun', { body, why })];
}

interface Changed {
  budgetCents: number;
  deadlineMs?: number;
  why: string;
}

/** What has to be another the next time, so that the same failure does not come again. */
function changedFor(run: RunRow, failure: Failure | undefined): Changed {
  const budgetCents = centsFromMicroCents(run.budget_micro_cents);
  const limit = failure?.limit;
  if (failure?.code === 'BUDGET_EXCEEDED' && limit?.account_id === run.account_id) {
    const asked = typeof limit.asked === 'number' ? limit.asked : 0;
    const larger = Math.min(BUDGET_CENTS_MAX, Math.max(2 * budgetCents, budgetCents + asked));
    return {
      budgetCents: larger,
      why: 'The same again with a larger budget: all its steps run again.',
    };
  }
  if (failure?.code === 'DEADLINE_EXCEEDED') {
    const hadMs = run.deadline_at.getTime() - run.created_at.getTime();
    const deadlineMs = Math.min(RUN_DEADLINE_MAX_MS, Math.max(1000, Math.round(2 * hadMs)));
    return {
      budgetCents,
      deadlineMs,
      why: 'The same again with twice the time: all its steps run again.',
    };
  }
  const why =
    failure === undefined
      ? 'The same again, as a run of its own.'
      : `The same again, as a run of its own. It failed with ${failure.code}: ${FAILURE_CODES[failure.code].fix}`;
  return { budgetCents, why };
}

function withDeadline(plan: Json, deadlineMs: number): Json {
  if (isJsonObject(plan)) return { ...plan, deadline_ms: deadlineMs };
  return Array.isArray(plan) ? { steps: plan, deadline_ms: deadlineMs } : plan;
}
