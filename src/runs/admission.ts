import { isDeepStrictEqual } from 'node:util';
import { agentRefusal, unknownAgent } from '../agents/failures.ts';
import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import { BUDGET_CENTS_DEFAULT } from '../contracts/limits.ts';
import { centsFromMicroCents, microCentsFromCents } from '../contracts/money.ts';
import type { ResolvedPlan } from '../contracts/plan.ts';
import { checkPermissions } from '../domain/plan/check-permissions.ts';
import type { Refusal } from '../domain/plan/check-permissions.ts';
import { checkSecrets } from '../domain/plan/check-secrets.ts';
import type { SecretHosts, SecretRefusal } from '../domain/plan/check-secrets.ts';
import { createProblemList } from '../domain/plan/problem-list.ts';
import type { RateLimiter } from '../rates/rate-limiter.ts';
import { agentSubject } from '../rates/subjects.ts';
import { ensureAccount, listAccounts } from '../storage/accounts.ts';
import { countOpenRuns, findAgent, lockAgent, shareAgent } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Db, Transaction } from '../storage/pool.ts';
import { findTenant, tenantAccountId } from '../storage/tenants.ts';
import { freeOf, untouchedBalances } from '../domain/balances.ts';
import type { Balances } from '../domain/balances.ts';
import { agentRateExceeded, ofMoney, openRunsExceeded } from './failures.ts';

/** What a submission is subject to: the agent that it names, if the tenant has it. */
export interface Admission {
  agentId: string | null;
  agent: AgentRow | undefined;
  warnings: Problem[];
}

/**
 * Finds whose run it is to be. An agent that is not there leaves the run to the tenant, with a warning.
 * Errors: AGENT_REQUIRED, AGENT_ARCHIVED.
 */
export async function admit(db: Db, key: ApiKey, agentId: string | null): Promise<Admission> {
  const agent = agentId === null ? undefined : await findAgent(db, key.tenant_id, agentId);
  const agentsRequired = !agent && (await findTenant(db, key.tenant_id))?.agents_required === true;
  const refusal = agentRefusal({ agentId, agent, agentsRequired });
  if (refusal) throw refusal;
  if (agent || agentId === null) return { agentId, agent, warnings: [] };
  const unknown = unknownAgent('/agent_id', agentId);
  const message = `${unknown.message} The run is the tenant's.`;
  return { agentId, agent, warnings: [{ ...unknown, message }] };
}

/** Counts the submission against the agent's own rate. Errors: RATE_LIMITED. */
export async function takeAgentRate(
  rates: RateLimiter,
  agent: AgentRow | undefined,
): Promise<void> {
  const perMinute = agent?.rate_limit_per_minute;
  if (!agent || perMinute == null) return;
  const { allowed, resetMs } = await rates.take(agentSubject(agent.id), perMinute);
  if (allowed) return;
  const { code, detail, retry_after_ms, limit } = agentRateExceeded(agent.id, perMinute, resetMs);
  throw new AosError(code, detail, { retry_after_ms, limit });
}

/** Everything in the plan that the agent may not do. */
export const forbiddenIn = (
  plan: ResolvedPlan,
  agent: AgentRow | undefined,
  pointer: string,
): Refusal[] =>
  agent
    ? checkPermissions(
        plan,
        { allowedSkills: agent.allowed_skills, allowedHosts: agent.allowed_hosts },
        pointer,
      )
    : [];

/** The refusals as problems of a plan, as many as are told. */
export function toProblems(refusals: readonly (Refusal | SecretRefusal)[]): Problem[] {
  const problems = createProblemList();
  for (const { pointer, code, message } of refusals) problems.add(pointer, code, () => message);
  return problems.toProblems();
}

/** Errors: SKILL_NOT_ALLOWED, HOST_NOT_ALLOWED. */
export function refuseForbidden(
  plan: ResolvedPlan,
  agent: AgentRow | undefined,
  pointer: string,
): void {
  const refusals = forbiddenIn(plan, agent, pointer);
  // Several things that an agent may not do are one refusal.
  const first = refusals.find(({ code }) => code === 'SKILL_NOT_ALLOWED') ?? refusals[0];
  if (!first) return;
  const name = first.code === 'SKILL_NOT_ALLOWED' ? 'allowed_skills' : 'allowed_hosts';
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  throw new AosError(first.code, `${first.pointer}: ${first.message}${more}`, {
    limit: { name, value: agent![name]!, asked: first.asked },
    errors: toProblems(refusals),
  });
}

/** Errors: SECRET_NOT_FOUND, SECRET_HOST_NOT_ALLOWED. */
export function refuseSecrets(
  plan: ResolvedPlan,
  secrets: SecretHosts | undefined,
  pointer: string,
): void {
  const refusals = checkSecrets(plan, secrets, pointer);
  const [first] = refusals;
  if (!first) return;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  throw new AosError(first.code, `${first.pointer}: ${first.message}${more}`, {
    // A plan is there, and has a mistake: nothing that the path names is missing.
    ...(first.code === 'SECRET_NOT_FOUND' && { status: 422 }),
    errors: toProblems(refusals),
  });
}

/** The plan with the agent's cap on every step, where the step has no lower one. */
export function withStepCap(
  plan: ResolvedPlan,
  capMicroCents: number | null | undefined,
): ResolvedPlan {
  if (capMicroCents == null) return plan;
  const steps = plan.steps.map((step) =>
    (step.max_cost_micro_cents ?? Infinity) <= capMicroCents
      ? step
      : { ...step, max_cost_micro_cents: capMicroCents, is_cap_of_agent: true as const },
  );
  return { ...plan, steps };
}

/** An account above a run, and what it has. */
export interface Ancestor {
  id: string;
  balances: Balances;
}

/** What the accounts above a run have; that of an agent's period begins with its first run. */
export async function readAncestors(
  db: Db,
  tenantId: string,
  ids: readonly string[],
  agent: AgentRow | undefined,
): Promise<Ancestor[]> {
  const untouched = untouchedBalances(agent?.budget_micro_cents ?? null);
  const accounts = new Map((await listAccounts(db, tenantId, ids)).map((each) => [each.id, each]));
  return ids.map((id) => ({ id, balances: accounts.get(id)?.balances ?? untouched }));
}

/**
 * The budget of a run that names none: the default, or what the agent's cap and the accounts above leave of it.
 * A hint: what is really there is decided when the budget is held.
 */
export function defaultBudget(ancestors: readonly Ancestor[], agent: AgentRow | undefined): number {
  const free = ancestors.map(({ balances }) => freeOf(balances)).filter((amount) => amount > 0);
  const cap = agent?.max_run_cost_micro_cents ?? Infinity;
  return Math.min(microCentsFromCents(BUDGET_CENTS_DEFAULT), ...free, cap);
}

/** Errors: RUN_CAP_EXCEEDED. */
export function refuseOverCap(agent: AgentRow | undefined, budgetMicroCents: number): void {
  const cap = agent?.max_run_cost_micro_cents ?? Infinity;
  if (budgetMicroCents <= cap) return;
  throw new AosError(
    'RUN_CAP_EXCEEDED',
    `A run of agent ${agent!.id} may have a budget of up to ${centsFromMicroCents(cap)} cents ` +
      `(max_run_cost_cents); the run asks for ${centsFromMicroCents(budgetMicroCents)}.`,
    { limit: { name: 'max_run_cost_cents', ...ofMoney(cap, budgetMicroCents) } },
  );
}

/** Errors: CONCURRENT_RUNS_EXCEEDED. */
export async function refuseTooManyRuns(db: Db, agent: AgentRow): Promise<void> {
  const { id, tenant_id: tenantId, max_concurrent_runs: max } = agent;
  if (max === null) return;
  const open = (await countOpenRuns(db, tenantId, [id])).get(id) ?? 0;
  if (open < max) return;
  const { code, detail, retry_after_ms, limit } = openRunsExceeded(id, max, open);
  throw new AosError(code, detail, { retry_after_ms, limit });
}

/** The agent is no longer what the submission was checked by: it has to be checked again. */
export class AgentChanged extends Error {}

/**
 * Keeps the agent as it is until the transaction ends, so that no change and no archiving comes between; where its open
 * runs are limited, submissions take turns, so that two cannot both be the last one. Makes sure of its account for the
 * present period. Errors: CONCURRENT_RUNS_EXCEEDED.
 */
export async function enterAgent(
  tx: Transaction,
  agent: AgentRow,
  accountId: string,
): Promise<void> {
  const { id, tenant_id: tenantId, max_concurrent_runs: max } = agent;
  const now = await (max === null ? shareAgent : lockAgent)(tx, tenantId, id);
  if (!isDeepStrictEqual(now, agent)) throw new AgentChanged();
  await refuseTooManyRuns(tx, agent);
  await ensureAccount(tx, {
    id: accountId,
    tenantId,
    parentId: tenantAccountId(tenantId),
    limitMicroCents: agent.budget_micro_cents,
  });
}
