import { AgentPage, AgentQuery, AgentView, CreateAgent, UpdateAgent } from '../agent.ts';
import type { Route } from '../route.ts';
import { AGENT_ID } from './example-ids.ts';

const SETTINGS = {
  name: 'stock-watcher',
  budget_cents: 500,
  budget_period: 'daily',
  allowed_skills: ['http_call', 'json_transform'],
  allowed_hosts: ['api.example.org', '*.shop.example.com'],
  max_step_cost_cents: 5,
  max_run_cost_cents: 50,
  max_concurrent_runs: 4,
  rate_limit_per_minute: 60,
  labels: { team: 'logistics' },
};

const AGENT = {
  agent_id: AGENT_ID,
  id: AGENT_ID,
  status: 'active',
  ...SETTINGS,
  budget: {
    level: 'agent',
    account_id: `agent/${AGENT_ID}/2026-11-29`,
    limited: true,
    total_cents: 500,
    remaining_cents: 412.25,
    reserved_cents: 50,
    spent_cents: 37.75,
    overage_cents: 0,
    period: 'daily',
    resets_at: '2026-11-30T00:00:00.000Z',
  },
  thresholds: [50, 80, 100].map((percent) => ({
    percent,
    reached: false,
    reached_at: null,
    run_id: null,
  })),
  open_runs: 1,
  created_at: '2026-11-29T08:00:00.000Z',
  updated_at: '2026-11-29T08:00:00.000Z',
  archived_at: null,
};

const UNTOUCHED = {
  ...AGENT,
  budget: { ...AGENT.budget, remaining_cents: 500, reserved_cents: 0, spent_cents: 0 },
  open_runs: 0,
  warnings: [],
};

export const AGENT_ROUTES = {
  createAgent: {
    method: 'POST',
    path: '/api/v1/agents',
    aliases: ['/agents'],
    role: 'admin',
    tag: 'agents',
    summary: 'Make an agent: a named actor with a budget and limits of its own',
    description:
      'Only `name` is needed; null is no limit, and allows all skills and hosts. A run that names the agent obeys all of ' +
      'its limits. `allowed_hosts` holds for every request of `http_call` and `webhook_send`, redirects too; the model ' +
      'provider of `llm_invoke` and the mail server of `email_send` are chosen by the operator, and are exempt.',
    headers: {
      'Idempotency-Key':
        'The same key with the same body answers with the same agent, and makes no second one.',
    },
    body: CreateAgent,
    bodyExample: { ...SETTINGS, idempotency_key: 'stock-watcher-1' },
    answers: {
      201: {
        description: 'The agent, which may run at once.',
        schema: AgentView,
        example: UNTOUCHED,
      },
    },
    errors: ['AGENTS_EXCEEDED', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_IN_FLIGHT'],
  },
  listAgents: {
    method: 'GET',
    path: '/api/v1/agents',
    aliases: ['/agents'],
    role: 'viewer',
    tag: 'agents',
    summary: 'Agents, newest first, archived ones too',
    description: 'A key that is bound to an agent sees that one alone.',
    query: AgentQuery,
    answers: {
      200: {
        description: 'A page of agents.',
        schema: AgentPage,
        example: { data: [AGENT], has_more: false, next_cursor: null },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
  getAgent: {
    method: 'GET',
    path: '/api/v1/agents/:agent_id',
    aliases: ['/agents/:agent_id'],
    role: 'viewer',
    tag: 'agents',
    summary: 'An agent: its limits, its money in the present period, and how many runs are open',
    answers: { 200: { description: 'The agent.', schema: AgentView, example: AGENT } },
    errors: ['AGENT_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  updateAgent: {
    method: 'PATCH',
    path: '/api/v1/agents/:agent_id',
    aliases: ['/agents/:agent_id'],
    role: 'admin',
    tag: 'agents',
    summary: "Change an agent's name, budget or limits",
    description:
      'What is not named stays, and lists and labels are replaced as a whole. The budget is that of the present period ' +
      'at once. Runs that are open go on with what held when they were submitted. Parts of a new budget that are ' +
      'reached already are in the log and, as `detail.thresholds_reached` of the change, in the audit.',
    body: UpdateAgent,
    bodyExample: { budget_cents: 800, max_concurrent_runs: 8 },
    answers: {
      200: {
        description: 'The agent, changed.',
        schema: AgentView,
        example: {
          ...AGENT,
          budget_cents: 800,
          max_concurrent_runs: 8,
          budget: { ...AGENT.budget, total_cents: 800, remaining_cents: 712.25 },
          updated_at: '2026-11-29T08:30:00.000Z',
          warnings: [],
        },
      },
    },
    errors: ['AGENT_NOT_FOUND', 'AGENT_ARCHIVED', 'LIMIT_BELOW_SPENT'],
  },
  archiveAgent: {
    method: 'DELETE',
    path: '/api/v1/agents/:agent_id',
    aliases: ['/agents/:agent_id'],
    role: 'admin',
    tag: 'agents',
    summary: 'Archive an agent: it takes no new runs',
    description:
      'Its open runs go on, and it can still be read. To archive it twice changes nothing.',
    answers: {
      200: {
        description: 'The agent, archived.',
        schema: AgentView,
        example: {
          ...AGENT,
          status: 'archived',
          updated_at: '2026-11-29T09:00:00.000Z',
          archived_at: '2026-11-29T09:00:00.000Z',
        },
      },
    },
    errors: ['AGENT_NOT_FOUND'],
  },
} as const satisfies Record<string, Route>;
