import { agentAskedFor } from '../agents/bound-agent.ts';
import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import { microCentsFromCents } from '../contracts/money.ts';
import { holdChange } from '../domain/balances.ts';
import {
  admit,
  defaultBudget,
  readAncestors,
  refuseOverCap,
  refuseTooManyRuns,
} from '../runs/admission.ts';
import type { Admission, Ancestor } from '../runs/admission.ts';
import { budgetExceeded } from '../runs/failures.ts';
import type { AgentRow } from '../storage/agents.ts';
import { ancestorIdsOf } from '../storage/ancestors.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Pool } from '../storage/pool.ts';

/** What a submission would be refused for, as a problem at a place of its body. */
async function problemsOf(pointer: string, refuse: () => unknown): Promise<Problem[]> {
  try {
    await refuse();
    return [];
  } catch (error) {
    if (!(error instanceof AosError)) throw error;
    const { code, detail } = error.failure;
    return [{ pointer, code, message: detail }];
  }
}

/** Whose run it would be, or why there would be none. Errors: KEY_BOUND_TO_AGENT. */
export async function admitted(
  pool: Pool,
  key: ApiKey,
  asked: string | undefined,
): Promise<{ admission: Admission; problems: Problem[] }> {
  const agentId = agentAskedFor(key, asked, 'the run is for');
  let admission: Admission = { agentId, agent: undefined, warnings: [] };
  const problems = await problemsOf('/agent_id', async () => {
    admission = await admit(pool, key, agentId);
  });
  return { admission, problems };
}

/** The budget that a run would have, and why it would not get it now: caps, open runs, and what each level has left. */
export async function fundingProblems(
  pool: Pool,
  key: ApiKey,
  agent: AgentRow | undefined,
  budgetCents: number | undefined,
): Promise<{ budgetMicroCents: number; problems: Problem[] }> {
  const ids = ancestorIdsOf(key, agent, new Date());
  const ancestors = await readAncestors(pool, key.tenant_id, ids, agent);
  const budgetMicroCents =
    budgetCents === undefined ? defaultBudget(ancestors, agent) : microCentsFromCents(budgetCents);
  const problems = await problemsOf('/budget_cents', () => refuseOverCap(agent, budgetMicroCents));
  if (agent)
    problems.push(...(await problemsOf('/agent_id', () => refuseTooManyRuns(pool, agent))));
  if (budgetMicroCents > 0) problems.push(...unfunded(ancestors, budgetMicroCents));
  return { budgetMicroCents, problems };
}

/** The levels that the budget could not be held on. */
const unfunded = (ancestors: readonly Ancestor[], budgetMicroCents: number): Problem[] =>
  ancestors.flatMap(({ id, balances }): Problem[] => {
    if (holdChange(balances, budgetMicroCents)) return [];
    const { code, detail } = budgetExceeded(id, budgetMicroCents, balances);
    return [{ pointer: '/budget_cents', code, message: detail }];
  });
