import {
  AgentRun,
  CostsimStatus,
  ProvenancePage,
  Recall,
  RecallQuery,
  RecoveryCandidatePage,
  RecoveryStats,
} from '../compat.ts';
import type { Route } from '../route.ts';
import { PageQuery } from '../run-query.ts';
import { RunPage } from '../run.ts';
import { AGENT_ID, RUN_ID } from './example-ids.ts';

const GOAL = 'Double the stock count.';
const CREATED_AT = '2026-11-29T08:00:00.000Z';
const COMPLETED_AT = '2026-11-29T08:00:01.250Z';
const PLAN_HASH = '7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730';
const PRICES = '2026-11-01+2026-11-20';

const SUMMARY = {
  run_id: RUN_ID,
  id: RUN_ID,
  agent_id: AGENT_ID,
  goal: GOAL,
  labels: {},
  status: 'succeeded',
  execution: 1,
  budget_cents: 50,
  cost_cents: 0,
  current_step: 1,
  total_steps: 1,
  created_at: CREATED_AT,
  deadline_at: '2026-11-30T08:00:00.000Z',
  started_at: '2026-11-29T08:00:01.000Z',
  completed_at: COMPLETED_AT,
  duration_ms: 250,
  event_number: 4,
  warnings: [],
};

const STEP = {
  index: 0,
  skill: 'json_transform',
  status: 'succeeded',
  tries: 1,
  cost_cents: 0,
  output_bytes: 2,
  started_at: '2026-11-29T08:00:01.000Z',
  completed_at: COMPLETED_AT,
  duration_ms: 250,
};

const PARAMS = { query: '. * 2', data: 21 };

const RUN = {
  ...SUMMARY,
  output: 42,
  outcome: { success: true, result: 42, data: 42 },
  steps: [{ ...STEP, id: 'step_0', depends_on: [] }],
  attempts: 1,
  plan: [{ skill: 'json_transform', params: PARAMS }],
  tool_calls: [
    { ...STEP, step_id: 'step_0', role: 'main', ok: true, params: PARAMS, result_preview: '42' },
  ],
};

export const COMPAT_ROUTES = {
  getAgentRun: {
    method: 'GET',
    path: '/api/v1/agents/:agent_id/runs/:run_id',
    aliases: ['/agents/:agent_id/runs/:run_id'],
    role: 'viewer',
    tag: 'compat',
    summary: "An agent's run with its plan and the calls that were made",
    description:
      'The run object with `plan`, `attempts` and `tool_calls`. Also for runs that were submitted with the `agent_id`, and for ' +
      'an `agent_id` that is no agent of the tenant.',
    answers: { 200: { description: 'The run.', schema: AgentRun, example: RUN } },
    errors: ['RUN_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  listAgentRuns: {
    method: 'GET',
    path: '/api/v1/agents/:agent_id/runs',
    aliases: ['/agents/:agent_id/runs'],
    role: 'viewer',
    tag: 'compat',
    summary: "An agent's runs, newest first",
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of runs.',
        schema: RunPage,
        example: { data: [SUMMARY], has_more: false, next_cursor: null },
      },
    },
    errors: ['AGENT_NOT_FOUND', 'KEY_BOUND_TO_AGENT', 'CURSOR_INVALID'],
  },
  recallMemory: {
    method: 'GET',
    path: '/api/v1/agents/:agent_id/recall',
    aliases: ['/agents/:agent_id/recall'],
    role: 'viewer',
    tag: 'compat',
    summary: "Search an agent's finished runs by the words of their goals and outcomes",
    description:
      'Best first. A query without a word to look for, so also none at all, answers the newest with a score of 0. `total` is ' +
      'how many were found among the newest 1000 that have the words.',
    query: RecallQuery,
    answers: {
      200: {
        description: 'What was found.',
        schema: Recall,
        example: {
          entries: [
            {
              id: RUN_ID,
              content: `${GOAL}\n42`,
              score: 0.1,
              timestamp: COMPLETED_AT,
              goal: GOAL,
              status: 'succeeded',
            },
          ],
          total: 1,
        },
      },
    },
    errors: ['AGENT_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  listProvenance: {
    method: 'GET',
    path: '/api/v1/agents/:agent_id/provenance',
    aliases: ['/agents/:agent_id/provenance'],
    role: 'viewer',
    tag: 'compat',
    summary: "Which plans an agent's runs had, and what they have cost",
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of runs, newest first.',
        schema: ProvenancePage,
        example: {
          data: [
            {
              run_id: RUN_ID,
              agent_id: AGENT_ID,
              goal: GOAL,
              status: 'succeeded',
              plan_hash: PLAN_HASH,
              cost_cents: 0,
              price_table_version: PRICES,
              created_at: CREATED_AT,
              completed_at: COMPLETED_AT,
            },
          ],
          has_more: false,
          next_cursor: null,
        },
      },
    },
    errors: ['AGENT_NOT_FOUND', 'KEY_BOUND_TO_AGENT', 'CURSOR_INVALID'],
  },
  getRecoveryStats: {
    method: 'GET',
    path: '/api/v1/recovery/stats',
    role: 'viewer',
    tag: 'compat',
    summary: 'How many failed runs something can be done about',
    description:
      'A candidate is a failed run whose failure has a recovery action in the catalogue. A key that is bound to an agent ' +
      'sees those of its agent.',
    answers: {
      200: {
        description: 'Counts, by code of the failure and by what can be done.',
        schema: RecoveryStats,
        example: {
          total_candidates: 3,
          by_code: { HTTP_5XX: 2, PLANNER_UNAVAILABLE: 1 },
          by_action: { retry_later: 2, ask_operator: 1 },
        },
      },
    },
  },
  listRecoveryCandidates: {
    method: 'GET',
    path: '/api/v1/recovery/candidates',
    role: 'viewer',
    tag: 'compat',
    summary: 'Failed runs that something can be done about, newest first',
    description: 'A key that is bound to an agent sees those of its agent.',
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of candidates.',
        schema: RecoveryCandidatePage,
        example: {
          data: [
            {
              id: RUN_ID,
              run_id: RUN_ID,
              agent_id: AGENT_ID,
              goal: GOAL,
              step_id: 'step_0',
              code: 'HTTP_5XX',
              category: 'TRANSIENT',
              message: 'The server answered with status 503.',
              retryable: true,
              action: 'retry_later',
              recovery: [
                {
                  action: 'retry_later',
                  why: 'Try again later, or allow more tries with `retry.max_attempts`.',
                },
              ],
              created_at: CREATED_AT,
              completed_at: COMPLETED_AT,
            },
          ],
          has_more: false,
          next_cursor: null,
        },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
  getCostsimStatus: {
    method: 'GET',
    path: '/costsim/v2/status',
    role: 'viewer',
    tag: 'compat',
    summary: 'What simulations take their costs from',
    answers: {
      200: {
        description: "The skills' contracts, with the prices of this table.",
        schema: CostsimStatus,
        example: {
          status: 'ok',
          basis: 'contract',
          price_table_version: PRICES,
          simulate: { method: 'POST', path: '/api/v1/runtime/simulate' },
        },
      },
    },
  },
} as const satisfies Record<string, Route>;
