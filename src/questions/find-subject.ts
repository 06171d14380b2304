import { refuseOtherAgent } from '../agents/bound-agent.ts';
import { unknownAgent } from '../agents/failures.ts';
import { RUN_ID } from '../contracts/ids.ts';
import type { Problem } from '../contracts/failures.ts';
import { quote } from '../domain/plan/wording.ts';
import { findAgent } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { RunsOf } from '../storage/attempts.ts';
import type { Pool } from '../storage/pool.ts';
import { findRun } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import type { Subject } from './question.ts';

/** What a question names, and whom its key acts for. */
export interface Named {
  agentId: string | null;
  agent: AgentRow | undefined;
  runId: string | null;
}

/**
 * Finds what a question is about: the run that it names, else the agent's runs, else all of the tenant. What is not
 * the tenant's is not there. Errors: KEY_BOUND_TO_AGENT.
 */
export async function findSubject(
  pool: Pool,
  key: ApiKey,
  { agentId, agent, runId }: Named,
  at: Date,
): Promise<Subject> {
  const run = runId === null ? undefined : await runNamed(pool, key, runId, agentId);
  const ofId = agentId ?? run?.agent_id ?? null;
  const of = agent ?? (ofId === null ? undefined : await findAgent(pool, key.tenant_id, ofId));
  const warnings: Problem[] = [];
  if (runId !== null && !run) {
    const whose = agentId === null ? 'there is' : `agent ${quote(agentId)} has`;
    const message = `${whose} no run ${quote(runId)}.`;
    warnings.push({ pointer: '/run_id', code: 'RUN_NOT_FOUND', message });
  }
  if (agentId !== null && !of) warnings.push(unknownAgent('/agent_id', agentId));
  const runs = runsOf(runId, run, agentId);
  return { key, agentId: ofId, agent: of, run, runs, warnings, at };
}

function runsOf(
  runId: string | null,
  run: RunRow | undefined,
  agentId: string | null,
): RunsOf | undefined {
  if (runId !== null) return run && { run: run.id };
  return agentId === null ? 'tenant' : { agent: agentId };
}

async function runNamed(
  pool: Pool,
  key: ApiKey,
  id: string,
  agentId: string | null,
): Promise<RunRow | undefined> {
  const run = RUN_ID.test(id) ? await findRun(pool, key.tenant_id, id) : undefined;
  if (!run || agentId === null || run.agent_id === agentId) return run;
  refuseOtherAgent(key, run.agent_id, `run ${run.id} is not of that agent`);
  return undefined;
}
