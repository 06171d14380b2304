import { PostGoal } from '../agent.ts';
import type { Route } from '../route.ts';
import { QueuedRun } from '../run.ts';
import { AGENT_ID, RUN_ID } from './example-ids.ts';

const GOAL = 'Fetch https://example.org/items.json and count the items that are in stock.';

export const GOAL_ROUTES = {
  postGoal: {
    method: 'POST',
    path: '/api/v1/agents/:agent_id/goals',
    aliases: ['/agents/:agent_id/goals'],
    role: 'operator',
    tag: 'agents',
    summary: 'Give an agent a goal: a plan is made for it, and run',
    description:
      "The run's first step asks the configured model for a plan of the agent's allowed skills, checks it like any plan, and " +
      'has it repaired once; its steps then follow. With a `plan` beside the goal that is run. Where no model is configured the run fails with PLANNER_UNAVAILABLE. ' +
      'The same agent and the same `idempotency_key` in the body, without the header, answer with the same run whatever else the ' +
      'body says: a warning IDEMPOTENCY_KEY_REUSED tells when that differs and was not run.',
    headers: {
      'Idempotency-Key':
        'The same agent, key and body answer with the same run, and nothing is done twice; another body is refused.',
      traceparent: 'A W3C trace that the run carries on.',
    },
    body: PostGoal,
    bodyExample: { goal: GOAL, budget_cents: 50, idempotency_key: 'stock-2026-11-29' },
    answers: {
      202: {
        description: 'The run is funded, recorded, and will be started: `status` is always queued.',
        schema: QueuedRun,
        example: {
          run_id: RUN_ID,
          id: RUN_ID,
          agent_id: AGENT_ID,
          goal: GOAL,
          labels: {},
          status: 'queued',
          execution: 1,
          budget_cents: 50,
          cost_cents: 0,
          current_step: 0,
          total_steps: 1,
          created_at: '2026-11-29T08:00:00.000Z',
          deadline_at: '2026-11-30T08:00:00.000Z',
          event_number: 1,
          warnings: [],
          steps: [
            {
              id: 'plan',
              index: 0,
              skill: 'plan_goal',
              status: 'pending',
              depends_on: [],
              tries: 0,
              cost_cents: 0,
              output_bytes: null,
            },
          ],
        },
      },
    },
    errors: [
      'AGENT_NOT_FOUND',
      'AGENT_ARCHIVED',
      'KEY_BOUND_TO_AGENT',
      'PLAN_INVALID',
      'SKILL_NOT_FOUND',
      'NOT_AVAILABLE_YET',
      'SKILL_NOT_ALLOWED',
      'HOST_NOT_ALLOWED',
      'SECRET_NOT_FOUND',
      'SECRET_HOST_NOT_ALLOWED',
      'BUDGET_EXCEEDED',
      'RUN_CAP_EXCEEDED',
      'CONCURRENT_RUNS_EXCEEDED',
      'IDEMPOTENCY_KEY_REUSED',
      'IDEMPOTENCY_IN_FLIGHT',
    ],
  },
} as const satisfies Record<string, Route>;
