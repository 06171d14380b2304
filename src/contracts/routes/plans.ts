import { AskQuery, QueryAnswer, QUESTION_NAMES } from '../question.ts';
import type { Route } from '../route.ts';
import { Simulate, Simulation } from '../simulation.ts';
import { ValidatePlan, Validation } from '../validation.ts';

const URL = 'https://example.org/items.json';

/** Which skills fail how often, and how long they take, the slowest first. */
const TYPED_EXAMPLE = {
  from: 'steps',
  where: { field: 'status', op: 'in', value: ['succeeded', 'failed'] },
  group_by: ['skill', 'status'],
  aggregates: [{ fn: 'count' }, { fn: 'p95', field: 'duration_ms', as: 'p95_ms' }],
  order_by: [{ as: 'p95_ms', direction: 'desc' }],
};

export const PLAN_ROUTES = {
  simulatePlan: {
    method: 'POST',
    path: '/api/v1/runtime/simulate',
    role: 'operator',
    tag: 'runtime',
    readOnly: true,
    summary: 'What a plan would cost, how long it would take and what may go wrong',
    description:
      'Answers from the contracts of the skills alone, and calls nothing: the same request has the same answer. A plan ' +
      'that could not be run is an answer too, with `feasible: false`, its `status` and `reason`.',
    body: Simulate,
    bodyExample: { plan: [{ skill: 'http_call', params: { url: URL } }], budget_cents: 50 },
    answers: {
      200: {
        description: 'The simulation, feasible or not.',
        schema: Simulation,
        example: {
          feasible: true,
          status: 'feasible',
          basis: 'contract',
          agent_id: null,
          budget_cents: 50,
          budget_sufficient: true,
          estimated_cost_cents: 0,
          budget_remaining_cents: 50,
          estimated_duration_ms: 300,
          success_probability: 0.99,
          price_table_version: 'http-e3b0c44298fc+genai-prices-0.1.8+4f53cda18c2b',
          step_estimates: [
            {
              step_index: 0,
              step_id: 'step_0',
              skill_id: 'http_call',
              iterations: 1,
              estimated_cost_cents: 0,
              worst_case_cost_cents: 0,
              estimated_latency_ms: 300,
            },
          ],
          risks: [
            {
              step_index: 0,
              step_id: 'step_0',
              risk_type: 'TIMEOUT',
              category: 'TRANSIENT',
              probability: 0.01,
              retryable: true,
              description: 'The server is slow.',
            },
          ],
          permission_gaps: [],
          bounds: [
            {
              name: 'remaining_budget',
              level: 'tenant',
              limited: true,
              limit_cents: 41250.5,
              sufficient: true,
            },
          ],
          alternatives: [],
          problems: [],
          warnings: [],
          steps: [{ index: 0, skill: 'http_call', estimated_cost_cents: 0, feasible: true }],
          step_simulations: [
            { step_index: 0, feasible: true, estimated_cost_cents: 0, failure_modes: ['TIMEOUT'] },
          ],
        },
      },
    },
    errors: ['KEY_BOUND_TO_AGENT'],
  },
  askQuestion: {
    method: 'POST',
    path: '/api/v1/runtime/query',
    role: 'viewer',
    tag: 'runtime',
    readOnly: true,
    summary: 'Ask one of the named questions, or one in the typed language',
    description:
      'With `query_type` a named question, about a run, an agent, or all that is the tenant’s. A run or agent that is not ' +
      'there is a warning in the result, and so is a question that AOS does not know: `result.supported` lists the ' +
      'others. With `from` a question over runs, steps, transactions, failures, events or agents, which `where` filters, ' +
      '`group_by` and `aggregates` sum up and `order_by` puts in order; GET /api/v1/runtime/query-schema is all of it:\n\n' +
      `\`\`\`json\n${JSON.stringify(TYPED_EXAMPLE, null, 2)}\n\`\`\``,
    body: AskQuery,
    bodyExample: { query_type: 'skills_available_for_goal', params: { goal: 'Transform JSON.' } },
    answers: {
      200: {
        description: 'What is known.',
        schema: QueryAnswer,
        example: {
          query_type: 'skills_available_for_goal',
          result: {
            goal: 'Transform JSON.',
            skills: ['json_transform', 'http_call'],
            basis: 'word_match',
            ranking: [
              { skill_id: 'json_transform', score: 3.6, matched: ['transform', 'json'] },
              { skill_id: 'http_call', score: 0.2, matched: ['json'] },
            ],
            unavailable: [],
            warnings: [],
          },
          supported_queries: [...QUESTION_NAMES],
          warnings: [],
        },
      },
    },
    errors: ['KEY_BOUND_TO_AGENT', 'CURSOR_INVALID', 'QUERY_TIMEOUT'],
  },
  validatePlan: {
    method: 'POST',
    path: '/api/v1/plans/validate',
    role: 'viewer',
    tag: 'runtime',
    readOnly: true,
    summary: 'Whether a plan would be taken, with all that is wrong and how to correct it',
    description:
      'Checks what POST /api/v1/runs checks, and changes nothing: `valid` says that a run with this body would be taken ' +
      'now, the rate of requests apart. Each problem has the place in the body, a code and a fix.',
    body: ValidatePlan,
    bodyExample: { plan: [{ skill: 'htpp_call', params: { url: URL } }], budget_cents: 50 },
    answers: {
      200: {
        description: 'The problems, or none.',
        schema: Validation,
        example: {
          valid: false,
          problems: [
            {
              pointer: '/plan/0/skill',
              code: 'SKILL_NOT_FOUND',
              message:
                'there is no skill `htpp_call`, did you mean `http_call`? The skills are `http_call`, `json_transform`.',
              did_you_mean: 'http_call',
              fix: 'Write `http_call`.',
            },
          ],
          warnings: [],
          agent_id: null,
          budget_cents: 50,
          worst_case: null,
          step_count: null,
        },
      },
    },
    errors: ['KEY_BOUND_TO_AGENT'],
  },
} as const satisfies Record<string, Route>;
