import { CreatedKey, CreateKey, KeyPage, KeyView, Me, Rbac, RotateKey } from '../key.ts';
import type { Route } from '../route.ts';
import { PageQuery } from '../run-query.ts';
import { KEY_ID } from './example-ids.ts';

const KEY = {
  id: KEY_ID,
  name: 'nightly reports',
  role: 'operator',
  prefix: 'aos_8mXq2Lw7',
  status: 'active',
  agent_id: null,
  rate_limit_per_minute: 600,
  budget: {
    level: 'key',
    account_id: `key/${KEY_ID}`,
    limited: true,
    total_cents: 5000,
    remaining_cents: 4250.5,
    reserved_cents: 500,
    spent_cents: 249.5,
    overage_cents: 0,
    period: 'total',
    resets_at: null,
  },
  thresholds: [50, 80, 100].map((percent) => ({
    percent,
    reached: false,
    reached_at: null,
    run_id: null,
  })),
  created_at: '2026-11-29T08:00:00.000Z',
  expires_at: '2027-05-29T08:00:00.000Z',
  last_used_at: '2026-11-29T08:31:00.000Z',
  revoked_at: null,
  replaced_by: null,
};

const CREATED_KEY = {
  ...KEY,
  budget: { ...KEY.budget, remaining_cents: 5000, reserved_cents: 0, spent_cents: 0 },
  last_used_at: null,
  key: 'aos_8mXq2Lw7Zt0p5Kj1Rv9cYb4Nd6Hs3Gf-Qe_xUiAoTlM',
  warnings: [],
};

export const KEY_ROUTES = {
  createKey: {
    method: 'POST',
    path: '/api/v1/keys',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'keys',
    summary: 'Make a key; the answer is the only place that ever shows it',
    description:
      'A key that is bound to an agent acts for that agent alone. `budget_cents` gives the key a budget of its own, under that of the tenant.',
    body: CreateKey,
    bodyExample: {
      name: 'nightly reports',
      role: 'operator',
      expires_at: '2027-05-29T08:00:00Z',
      rate_limit_per_minute: 600,
      budget_cents: 5000,
    },
    answers: {
      201: {
        description: 'The key, which works at once.',
        schema: CreatedKey,
        example: CREATED_KEY,
      },
    },
    errors: ['KEYS_EXCEEDED'],
  },
  listKeys: {
    method: 'GET',
    path: '/api/v1/keys',
    role: 'admin',
    tag: 'keys',
    summary: 'Keys, newest first, revoked and expired ones too',
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of keys.',
        schema: KeyPage,
        example: { data: [KEY], has_more: false, next_cursor: null },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
  getKey: {
    method: 'GET',
    path: '/api/v1/keys/:key_id',
    role: 'admin',
    tag: 'keys',
    summary: 'A key: its role, limits, money, and when it was used last',
    answers: { 200: { description: 'The key.', schema: KeyView, example: KEY } },
    errors: ['KEY_NOT_FOUND'],
  },
  revokeKey: {
    method: 'DELETE',
    path: '/api/v1/keys/:key_id',
    role: 'admin',
    tag: 'keys',
    summary: 'Revoke a key; it stops within a second on every process',
    description: 'Runs that were begun with it go on. To revoke a key twice changes nothing.',
    answers: {
      200: {
        description: 'The key, revoked.',
        schema: KeyView,
        example: { ...KEY, status: 'revoked', revoked_at: '2026-11-29T09:00:00.000Z' },
      },
    },
    errors: ['KEY_NOT_FOUND', 'LAST_ADMIN_KEY'],
  },
  rotateKey: {
    method: 'POST',
    path: '/api/v1/keys/:key_id/rotate',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'keys',
    summary: 'Replace a key by a new one, while both work for some time',
    description:
      'The new key has the name, role, limits, agent and budget of the old one. The old one expires after `overlap_ms`.',
    body: RotateKey,
    bodyExample: { overlap_ms: 3600000 },
    answers: {
      201: {
        description: 'The new key, which works at once.',
        schema: CreatedKey,
        example: { ...CREATED_KEY, id: 'key_01935d63-09c2-7d10-8a4b-6c7d8e9f0a1b' },
      },
    },
    errors: ['KEY_NOT_FOUND', 'KEY_NOT_ACTIVE', 'KEYS_EXCEEDED'],
  },
  getMe: {
    method: 'GET',
    path: '/api/v1/me',
    role: 'viewer',
    tag: 'keys',
    summary: 'Who the key of the request is, and for whom it acts',
    answers: {
      200: {
        description: 'The tenant, the key and its agent.',
        schema: Me,
        example: {
          tenant: { id: 'default', name: 'default' },
          role: 'operator',
          key: KEY,
          agent: null,
        },
      },
    },
  },
  getRbac: {
    method: 'GET',
    path: '/api/v1/rbac/info',
    role: 'viewer',
    tag: 'keys',
    summary: 'What each role may do',
    answers: {
      200: {
        description: 'The role of the key, and the roles with their operations.',
        schema: Rbac,
        example: {
          role: 'viewer',
          roles: [
            {
              role: 'viewer',
              may: [{ operation_id: 'listRuns', method: 'GET', path: '/api/v1/runs' }],
            },
            {
              role: 'operator',
              may: [
                { operation_id: 'listRuns', method: 'GET', path: '/api/v1/runs' },
                { operation_id: 'submitRun', method: 'POST', path: '/api/v1/runs' },
              ],
            },
            {
              role: 'admin',
              may: [
                { operation_id: 'listRuns', method: 'GET', path: '/api/v1/runs' },
                { operation_id: 'submitRun', method: 'POST', path: '/api/v1/runs' },
                { operation_id: 'createKey', method: 'POST', path: '/api/v1/keys' },
              ],
            },
          ],
        },
      },
    },
  },
} as const satisfies Record<string, Route>;
