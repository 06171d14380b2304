import type { Budget } from '../../contracts/budget.ts';
import { BUDGET_CENTS_DEFAULT } from '../../contracts/limits.ts';
import type { AgentRow } from '../../storage/agents.ts';
import { propose } from './allowed.ts';
import type { Proposed } from './allowed.ts';

export interface Situation {
  agentId: string | null;
  agent: AgentRow | undefined;
  /** The tenant takes only runs of agents that it has, and this is none. */
  needsAgent: boolean;
  hasOpenRuns: boolean;
  failedRunId: string | undefined;
  tightest: Budget;
  skillIds: readonly string[];
}

/** What may be done next where no run is meant: about an agent, or the tenant. */
export function actionsWithoutRun(situation: Situation): Proposed[] {
  const { agentId, hasOpenRuns, failedRunId, tightest } = situation;
  const ofAgent = agentId === null ? '' : `?agent_id=${encodeURIComponent(agentId)}`;
  const isSpent = tightest.remaining_cents === 0 && tightest.level === 'tenant';
  return [
    ...(isSpent && tightest.limited
      ? [
          propose('top_up', 'topUpAccount', {
            body: { amount_cents: tightest.overage_cents + BUDGET_CENTS_DEFAULT },
            why: 'Nothing is left in the account of the tenant: only free plans run.',
          }),
        ]
      : []),
    ...submitting(situation),
    ...(failedRunId === undefined
      ? []
      : [
          propose('ask_why', 'askQuestion', {
            body: { query_type: 'why_did_step_fail', run_id: failedRunId },
            why: 'Why the newest run that failed did.',
          }),
          propose('read_run', 'getRun', {
            parameters: { run_id: failedRunId },
            why: 'The newest run that failed.',
          }),
        ]),
    ...(hasOpenRuns
      ? [
          propose('list_open_runs', 'askQuestion', {
            body: { query_type: 'what_is_waiting', ...(agentId !== null && { agent_id: agentId }) },
            why: 'There are open runs: what each of them waits for.',
          }),
        ]
      : []),
    propose('read_capabilities', 'getCapabilities', {
      query: ofAgent,
      why: 'Which skills may be used, what they cost, and what is left.',
    }),
    propose('read_plan_schema', 'getPlanSchema', { why: 'How a plan is written.' }),
  ];
}

/** The smallest plan that runs: it is free, and shows how a run is submitted. */
function submitting({ agentId, agent, needsAgent, skillIds }: Situation): Proposed[] {
  if (needsAgent) {
    const why = 'The tenant takes only runs of agents that it has.';
    return [propose('create_agent', 'createAgent', { body: { name: 'agent' }, why })];
  }
  if (agent?.status === 'archived' || !skillIds.includes('json_transform')) return [];
  const body = {
    plan: [{ id: 'hello', skill: 'json_transform', params: { data: 'hello', query: '.' } }],
    ...(agentId !== null && { agent_id: agentId }),
    budget_cents: 0,
  };
  const why =
    'Submits a plan: this one is free and answers its own data; write your own steps into it.';
  return [propose('submit', 'submitRun', { body, why })];
}
