import { KEY_ID, RUN_ID } from './example-ids.ts';

/** One run, as every route about runs shows it. */
const CREATED = '2026-11-29T08:00:00.000Z';
const STARTED = '2026-11-29T08:00:00.040Z';
const ENDED = '2026-11-29T08:00:00.412Z';
const URL = 'https://example.org/items.json';

export const PLAN_EXAMPLE = [
  { id: 'fetch', skill: 'http_call', params: { url: URL } },
  { id: 'count', skill: 'json_transform', params: { query: '.items | length' } },
];

const SUMMARY = {
  run_id: RUN_ID,
  id: RUN_ID,
  goal: 'Count the items.',
  labels: { team: 'research' },
  execution: 1,
  budget_cents: 50,
  cost_cents: 0,
  current_step: 0,
  total_steps: 2,
  created_at: CREATED,
  deadline_at: '2026-11-30T08:00:00.000Z',
  event_number: 1,
  warnings: [],
};
const STEP = { tries: 0, cost_cents: 0, output_bytes: null, status: 'pending' };
const STEPS = [
  { ...STEP, id: 'fetch', index: 0, skill: 'http_call', depends_on: [] },
  { ...STEP, id: 'count', index: 1, skill: 'json_transform', depends_on: ['fetch'] },
];
const DONE = { tries: 1, status: 'succeeded', started_at: STARTED, completed_at: ENDED };

export const QUEUED_EXAMPLE = { ...SUMMARY, status: 'queued', steps: STEPS };

const ENDED_FACTS = {
  current_step: 2,
  started_at: STARTED,
  completed_at: ENDED,
  duration_ms: 372,
  event_number: 6,
};
export const SUCCEEDED_EXAMPLE = {
  ...SUMMARY,
  ...ENDED_FACTS,
  status: 'succeeded',
  output: 3,
  outcome: { success: true, result: 3, data: 3 },
  steps: [
    { ...STEPS[0], ...DONE, output_bytes: 812, duration_ms: 372 },
    { ...STEPS[1], ...DONE, output_bytes: 1, duration_ms: 4 },
  ],
};

const FAILURE = {
  type: '/docs/errors/CANCELLED',
  title: 'Cancelled on request',
  status: 409,
  detail: 'The report is not needed any more.',
  message: 'The report is not needed any more.',
  code: 'CANCELLED',
  category: 'PERMANENT',
  retryable: false,
  recovery: [{ action: 'none', why: 'Submit the plan again if it is still wanted.' }],
};
export const CANCELLED_EXAMPLE = {
  ...SUMMARY,
  ...ENDED_FACTS,
  status: 'cancelled',
  cancel_requested_at: STARTED,
  failure: FAILURE,
  outcome: {
    success: false,
    error: { code: 'CANCELLED', message: FAILURE.message, category: FAILURE.category },
  },
  steps: STEPS.map((step) => ({ ...step, status: 'cancelled' })),
};
export const CANCELLING_EXAMPLE = {
  ...SUMMARY,
  status: 'running',
  started_at: STARTED,
  cancel_requested_at: STARTED,
  steps: STEPS,
};

export const RUN_PAGE_EXAMPLE = {
  data: [{ ...SUMMARY, ...ENDED_FACTS, status: 'succeeded' }],
  has_more: false,
  next_cursor: null,
};

const OUTPUT = { status_code: 200, headers: {}, body: { items: [] }, url: URL, redirects: 0 };
export const STEP_EXAMPLE = {
  ...STEPS[0],
  ...DONE,
  output_bytes: 812,
  duration_ms: 372,
  run_id: RUN_ID,
  params: { url: URL },
  effect_key: `${RUN_ID}/fetch/1`,
  try_list: [
    {
      role: 'main',
      number: 1,
      execution: 1,
      status: 'succeeded',
      cost_cents: 0,
      started_at: STARTED,
      completed_at: ENDED,
    },
  ],
  output: OUTPUT,
  result: OUTPUT,
};
export const OUTPUT_EXAMPLE = OUTPUT;

export const LEDGER_EXAMPLE = {
  run_id: RUN_ID,
  account: {
    id: `${RUN_ID}/1`,
    limit_cents: 50,
    reserved_cents: 0,
    settled_cents: 2,
    overage_cents: 0,
    closed_at: ENDED,
  },
  transactions: [
    {
      id: 90210,
      kind: 'settle',
      hold_id: 'hold_01935d31-2f10-7c1f-8d20-3f4e5d6c7b8a',
      amount_cents: 2,
      reserved_change_cents: -2,
      settled_change_cents: 2,
      overage_change_cents: 0,
      basis: 'actual',
      execution: 1,
      step_id: 'fetch',
      try: 1,
      price_table_version: 'http-e3b0c44298fc+genai-prices-0.1.8+4f53cda18c2b',
      actor: KEY_ID,
      at: ENDED,
    },
  ],
  has_more: false,
  next_cursor: null,
};
export const LEDGER_AUDIT_EXAMPLE = { violations: [], checked_at: CREATED };
