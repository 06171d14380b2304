import { TenantAccount, ToppedUp, TopUp, UpdateAccount, UpdatedAccount } from '../account.ts';
import { AuditPage, AuditQuery } from '../audit.ts';
import type { Route } from '../route.ts';
import { KEY_ID, REQUEST_ID } from './example-ids.ts';

const ACCOUNT = {
  tenant_id: 'default',
  name: 'Research',
  agents_required: false,
  budget: {
    level: 'tenant',
    account_id: 'tenant/default',
    limited: true,
    total_cents: 100000,
    remaining_cents: 41250.5,
    reserved_cents: 4000,
    spent_cents: 54749.5,
    overage_cents: 0,
    period: 'total',
    resets_at: null,
  },
  thresholds: [
    {
      percent: 50,
      reached: true,
      reached_at: '2026-11-29T07:58:12.000Z',
      run_id: 'run_01935d2e-1c4b-7e2a-8f00-9a8b7c6d5e4f',
    },
    { percent: 80, reached: false, reached_at: null, run_id: null },
    { percent: 100, reached: false, reached_at: null, run_id: null },
  ],
  open_runs: 4,
};

const TOPPED_UP = {
  account: ACCOUNT,
  transaction: {
    id: 90210,
    kind: 'topup',
    hold_id: null,
    amount_cents: 50000,
    reserved_change_cents: 0,
    settled_change_cents: 0,
    overage_change_cents: 0,
    basis: 'operator',
    execution: null,
    step_id: null,
    try: null,
    price_table_version: null,
    actor: KEY_ID,
    at: '2026-11-29T08:11:00.000Z',
  },
  warnings: [],
};

export const ACCOUNT_ROUTES = {
  getAccount: {
    method: 'GET',
    path: '/api/v1/account',
    role: 'viewer',
    tag: 'account',
    summary: "The tenant's limit, what is spent and reserved of it, and its settings",
    answers: { 200: { description: 'The account.', schema: TenantAccount, example: ACCOUNT } },
  },
  updateAccount: {
    method: 'PATCH',
    path: '/api/v1/account',
    role: 'admin',
    tag: 'account',
    summary: "Change the tenant's name, limit, or whether runs must name an agent",
    description:
      'What is not named stays. A limit of null is none; a new limit pays what is over first. Parts of it that are reached by that are in ' +
      'the log and, as `detail.thresholds_reached` of the change, in the audit.',
    body: UpdateAccount,
    bodyExample: { name: 'Research', limit_cents: 100000 },
    answers: {
      200: {
        description: 'The account, changed.',
        schema: UpdatedAccount,
        example: { ...ACCOUNT, warnings: [] },
      },
    },
    errors: ['LIMIT_BELOW_SPENT'],
  },
  topUpAccount: {
    method: 'POST',
    path: '/api/v1/account/topup',
    role: 'admin',
    tag: 'account',
    summary: "Raise the tenant's limit by an amount",
    description: 'What is over the limit is paid first.',
    headers: {
      'Idempotency-Key':
        'The same key with the same body answers with the same entry, and raises nothing twice.',
    },
    body: TopUp,
    bodyExample: { amount_cents: 50000, note: 'invoice 2026-118' },
    answers: {
      200: {
        description: 'A repeat: the entry of the first request, and the account as it is now.',
        schema: ToppedUp,
        example: TOPPED_UP,
      },
      201: {
        description: 'The entry, and the account with its new limit.',
        schema: ToppedUp,
        example: TOPPED_UP,
      },
    },
    errors: ['ACCOUNT_UNLIMITED', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_IN_FLIGHT'],
  },
  listAudit: {
    method: 'GET',
    path: '/api/v1/audit',
    role: 'admin',
    tag: 'account',
    summary: 'What was changed and what was refused, newest first',
    description:
      'Refusals that repeat within a minute, by the same key for the same reason, are one entry with a count. A refusal is here within about a second. A key that is revoked or has expired is answered as an unknown one is; the entry tells which key it was, and `detail.reason` why it was refused. What is sent with no key or an unknown one is of no tenant: such refusals are kept for the operator alone.',
    query: AuditQuery,
    answers: {
      200: {
        description: 'A page of entries.',
        schema: AuditPage,
        example: {
          data: [
            {
              id: 4711,
              kind: 'refusal',
              operation: 'submitRun',
              key_id: KEY_ID,
              request_id: REQUEST_ID,
              subject: null,
              code: 'BUDGET_EXCEEDED',
              detail: {
                message:
                  'Account tenant/default has a limit of 100000 cents: 54749.5 cents settled, 4000 cents reserved, 0 cents over. What is asked, up to 50000 cents, does not fit.',
              },
              count: 3,
              at: '2026-11-29T08:31:00.000Z',
            },
            {
              id: 4699,
              kind: 'change',
              operation: 'topUpAccount',
              key_id: KEY_ID,
              request_id: 'req_01935d51-6e2f-7a40-b1c2-d3e4f5a6b7c8',
              subject: 'tenant/default',
              code: null,
              detail: { amount_cents: 50000, note: 'invoice 2026-118', transaction_id: 90210 },
              count: 1,
              at: '2026-11-29T08:11:00.000Z',
            },
          ],
          has_more: true,
          next_cursor: '4699',
        },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
} as const satisfies Record<string, Route>;
