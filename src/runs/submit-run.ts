import { uuidv7 } from 'uuidv7';
import { agentAskedFor } from '../agents/bound-agent.ts';
import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import { microCentsFromCents } from '../contracts/money.ts';
import type { ResolvedPlan } from '../contracts/plan.ts';
import type { SubmitRun } from '../contracts/run.ts';
import { stepsPointer } from '../domain/plan/pointer.ts';
import type { RateLimiter } from '../rates/rate-limiter.ts';
import { contractsOf } from '../skills/registry.ts';
import { loadSecretHosts } from '../secrets/load-secret-hosts.ts';
import { insertAccount } from '../storage/accounts.ts';
import { ancestorIdsOf } from '../storage/ancestors.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import { recordChange } from '../storage/audit-entries.ts';
import { appendEvents } from '../storage/events.ts';
import { findMade, keyReused, once } from '../storage/idempotency-keys.ts';
import type { MadeBefore, OnceKey } from '../storage/idempotency-keys.ts';
import { placeHold } from '../storage/ledger.ts';
import type { Transaction } from '../storage/pool.ts';
import { findRun, insertRun } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { insertSteps } from '../storage/steps.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import type { Engine } from '../temporal/engine.ts';
import {
  AgentChanged,
  admit,
  defaultBudget,
  enterAgent,
  readAncestors,
  refuseForbidden,
  refuseOverCap,
  refuseSecrets,
  takeAgentRate,
  withStepCap,
} from './admission.ts';
import type { Admission } from './admission.ts';
import { hashBody } from './body-hash.ts';
import { checkPlan } from './check-plan.ts';
import type { RunDeps } from './deps.ts';
import { budgetExceeded } from './failures.ts';
import { planOfGoal } from './planning/plan-of-goal.ts';
import { startExecution } from './start-execution.ts';

export interface Submission {
  key: ApiKey;
  requestId: string;
  /** With a `plan` that is run; with a `goal` alone a plan is made. */
  request: SubmitRun;
  /** The only skill that a plan which is made may use. */
  forceSkill?: string | undefined;
  /** The body as it came: its canonical form tells whether a repeat is the same request. */
  body: Json;
  idempotencyKey: string | undefined;
  /** The key alone tells a repeat: a run of the same agent is answered with, whatever the body says. */
  anyBody?: boolean;
  /** The caller's trace, as its request carried it. */
  traceparent?: string | undefined;
  warnings: Problem[];
}

export interface SubmittedRun {
  run: RunRow;
  /** The steps of a run that was accepted now. */
  steps?: StepRowWithSpec[];
  /** The request was a repeat of one that had been accepted before. */
  replayed: boolean;
  /** That one had another body, and what this one says was not done. */
  differs?: boolean;
}

export type SubmitDeps = RunDeps & { engine: Engine; rates: RateLimiter };

/** A submission that has been checked, and what it is subject to. */
interface Checked extends Submission {
  runId: string;
  plan: ResolvedPlan;
  admission: Admission;
}

interface Accepted {
  run: RunRow;
  steps: StepRowWithSpec[];
}

const CHECK_AFTER_MS = 3_000;

/**
 * Accepts a run: a run that is accepted is funded, recorded and will be started, if not now then by the reconciler.
 * Errors: PLAN_REQUIRED, PLAN_INVALID and its kin, BUDGET_EXCEEDED, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_FLIGHT, and
 * those of an agent's limits.
 */
export async function submitRun(deps: SubmitDeps, submission: Submission): Promise<SubmittedRun> {
  const { request, idempotencyKey, key } = submission;
  const { pool } = deps;
  if (request.plan === undefined && request.goal === undefined) {
    throw new AosError(
      'PLAN_REQUIRED',
      'The request has neither `plan` nor `goal`. Send a list of steps, an object with `steps`, or a goal.',
    );
  }
  const agentId = agentAskedFor(key, request.agent_id, 'the run is for');
  const onceKey =
    idempotencyKey === undefined
      ? undefined
      : {
          key: idempotencyKey,
          bodyHash: hashOf(submission, agentId),
          anyBody: submission.anyBody ?? false,
        };
  const replay = async ({ id, sameBody }: MadeBefore): Promise<SubmittedRun> => {
    const run = await findRun(pool, key.tenant_id, id);
    // Keys of all kinds of requests are of one space.
    if (!run || (!sameBody && run.agent_id !== agentId)) throw keyReused(id);
    return { run, replayed: true, differs: !sameBody };
  };
  const earlier = onceKey && (await findMade(pool, key.tenant_id, onceKey));
  if (earlier !== undefined) return replay(earlier);
  const checked = await check(deps, submission);
  await takeAgentRate(deps.rates, checked.admission.agent);
  const done = await acceptOnce(deps, submission, checked, onceKey);
  if ('madeBefore' in done) return replay(done.madeBefore);
  const { run, steps } = done.made;
  try {
    await startExecution(pool, deps.engine, run, steps);
  } catch (error) {
    deps.logger.warn('run.start_postponed', { run_id: run.id, reason: String(error) });
  }
  return { run, steps, replayed: false };
}

/** Two keys that are bound to different agents ask for different runs, though the bodies are the same. */
const hashOf = ({ body }: Submission, agentId: string | null): Buffer =>
  hashBody(agentId === null ? body : { ...(body as JsonObject), agent_id: agentId });

/** Everything about a submission that can be told before it is a run. */
async function check(deps: SubmitDeps, submission: Submission): Promise<Checked> {
  const { key, request } = submission;
  const admission = await admit(
    deps.pool,
    key,
    agentAskedFor(key, request.agent_id, 'the run is for'),
  );
  const { plan, warnings } =
    request.plan === undefined
      ? planToMake(deps, submission, admission)
      : await checkedPlan(deps, key.tenant_id, request.plan, admission);
  if (request.budget_cents !== undefined)
    refuseOverCap(admission.agent, microCentsFromCents(request.budget_cents));
  return {
    ...submission,
    runId: `run_${uuidv7()}`,
    admission,
    plan,
    warnings: [...submission.warnings, ...admission.warnings, ...warnings],
  };
}

/** Makes the run; when its agent was changed since the check, the submission is checked anew by what holds now. */
async function acceptOnce(
  deps: SubmitDeps,
  submission: Submission,
  checked: Checked,
  key: OnceKey | undefined,
): Promise<Awaited<ReturnType<typeof once<Accepted>>>> {
  const { runId: id } = checked;
  const { tenant_id: tenantId } = submission.key;
  try {
    return await once(deps.pool, { tenantId, key, id }, (tx) => accept(tx, deps, checked));
  } catch (error) {
    if (!(error instanceof AgentChanged)) throw error;
    return acceptOnce(deps, submission, await check(deps, submission), key);
  }
}

/** The plan, checked against the contracts and what the agent and its secrets may do. Errors: PLAN_INVALID and its kin. */
async function checkedPlan(
  { skills, pool }: RunDeps,
  tenantId: string,
  raw: Json,
  { agent }: Admission,
): Promise<{ plan: ResolvedPlan; warnings: Problem[] }> {
  const checked = checkPlan(raw, contractsOf(skills));
  if (!checked.ok) throw planRefused(checked.problems);
  refuseForbidden(checked.plan, agent, stepsPointer('/plan', raw));
  const secretHosts = await loadSecretHosts(pool, tenantId, raw);
  refuseSecrets(checked.plan, secretHosts, stepsPointer('/plan', raw));
  return {
    plan: withStepCap(checked.plan, agent?.max_step_cost_micro_cents),
    warnings: checked.warnings,
  };
}

/** The step that makes the plan. Errors: SKILL_NOT_FOUND, SKILL_NOT_ALLOWED. */
function planToMake(
  { skills }: RunDeps,
  { request, forceSkill }: Submission,
  { agent }: Admission,
): { plan: ResolvedPlan; warnings: Problem[] } {
  const plan = planOfGoal(request.goal!, {
    allowedSkills: agent?.allowed_skills ?? null,
    allowedHosts: agent?.allowed_hosts ?? null,
    forceSkill,
    skills,
    hasInput: request.input !== undefined,
  });
  return { plan: withStepCap(plan, agent?.max_step_cost_micro_cents), warnings: [] };
}

/** In one transaction: account, run, steps, event, and the hold of the budget on every account above. */
async function accept(
  tx: Transaction,
  { priceTableVersion }: RunDeps,
  { runId, key, requestId, request, plan, admission, warnings, traceparent }: Checked,
): Promise<Accepted> {
  const { agent, agentId } = admission;
  const tenantId = key.tenant_id;
  const ancestors = ancestorIdsOf(key, agent, new Date());
  if (agent) await enterAgent(tx, agent, ancestors[0]!);
  const { budget_cents: cents } = request;
  const budgetMicroCents =
    cents === undefined
      ? defaultBudget(await readAncestors(tx, tenantId, ancestors, agent), agent)
      : microCentsFromCents(cents);
  const accountId = `${runId}/1`;
  await insertAccount(tx, {
    id: accountId,
    tenantId,
    parentId: ancestors[0]!,
    limitMicroCents: budgetMicroCents,
  });
  const run = await insertRun(tx, {
    id: runId,
    tenantId,
    keyId: key.id,
    accountId,
    ancestorAccounts: ancestors,
    agentId,
    allowedHosts: agent?.allowed_hosts ?? null,
    goal: request.goal ?? null,
    labels: request.labels,
    inputJson: JSON.stringify(request.input ?? null),
    planJson: JSON.stringify(request.plan ?? null),
    planHash: request.plan === undefined ? null : hashBody(request.plan).toString('hex'),
    warnings,
    maxParallel: plan.max_parallel,
    budgetMicroCents,
    priceTableVersion,
    traceparent: traceparent ?? null,
    compensationMs: plan.compensation_deadline_ms,
    deadlineMs: plan.deadline_ms,
    checkAfterMs: CHECK_AFTER_MS,
  });
  const steps = await insertSteps(tx, runId, plan.steps);
  await appendEvents(tx, runId, [{ type: 'run.accepted', data: { steps: plan.steps.length } }]);
  const actor = { tenantId, keyId: key.id, requestId };
  await recordChange(tx, actor, { operation: 'submitRun', subject: runId });
  for (const ancestor of ancestors) await fund(tx, run, ancestor);
  return { run, steps };
}

/** Holds the whole budget on an account above the run's; the tenant's last, since every run of the tenant takes that lock. */
async function fund(tx: Transaction, run: RunRow, accountId: string): Promise<void> {
  if (run.budget_micro_cents === 0) return;
  const placed = await placeHold(tx, {
    hold: {
      id: `hold_${uuidv7()}`,
      accountId,
      amountMicroCents: run.budget_micro_cents,
      runId: run.id,
      stepId: null,
      generation: null,
      role: null,
      try: null,
      fence: null,
      expiresAt: null,
    },
    key: `${run.account_id}/hold`,
    basis: 'budget',
    subject: {
      runId: run.id,
      execution: 1,
      priceTableVersion: run.price_table_version,
      actor: 'submit',
    },
  });
  if (placed.ok) return;
  const failure = budgetExceeded(accountId, run.budget_micro_cents, placed.balances);
  throw new AosError('BUDGET_EXCEEDED', failure.detail, { limit: failure.limit });
}

/** A plan whose problems are all of one of these kinds is refused under that kind's own code. */
const OWN_CODES = ['SKILL_NOT_FOUND', 'NOT_AVAILABLE_YET'] as const;

function planRefused(problems: Problem[]): AosError {
  const codes = new Set(problems.map((problem) => problem.code));
  const [only] = codes;
  const own = codes.size === 1 ? OWN_CODES.find((code) => code === only) : undefined;
  const first = problems[0]!;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AosError(own ?? 'PLAN_INVALID', `${first.pointer}: ${first.message}${more}`, {
    status: 422,
    errors: problems,
  });
}
