import type { Route } from '../route.ts';
import { PageQuery } from '../run-query.ts';
import { DeletedSecret, PutSecret, SecretPage, SecretView } from '../secret.ts';

const SECRET = {
  name: 'PAYMENTS_TOKEN',
  hosts: ['api.payments.example', '*.eu.payments.example:8443'],
  version: 2,
  created_at: '2026-11-29T08:00:00.000Z',
  updated_at: '2026-11-29T09:30:00.000Z',
  last_used_at: '2026-11-29T09:41:00.000Z',
};

export const SECRET_ROUTES = {
  putSecret: {
    method: 'PUT',
    path: '/api/v1/secrets/:secret_name',
    role: 'admin',
    tag: 'secrets',
    summary: 'Keep a secret, or give one a new value',
    description:
      'A plan uses it as `{{secrets.NAME}}` in `headers`, `query` or `body` of `http_call`, which sends it to its `hosts` ' +
      'alone. It is sealed with AOS_SECRETS_KEY and never read back; where it comes back in a response, `[secret NAME]` ' +
      'stands in its place. A new value is used by the next try of any step, in runs that are open too. A name is a ' +
      'letter, then up to 63 letters, digits, `_` or `-`.',
    body: PutSecret,
    bodyExample: {
      value: 'sk_live_c2FtcGxlIGZvciB0aGUgcmVmZXJlbmNl',
      hosts: ['api.payments.example', '*.eu.payments.example:8443'],
    },
    answers: {
      200: {
        description: 'The secret, with its new value.',
        schema: SecretView,
        example: { ...SECRET, warnings: [] },
      },
      201: {
        description: 'The secret, which plans may use at once.',
        schema: SecretView,
        example: {
          ...SECRET,
          version: 1,
          updated_at: SECRET.created_at,
          last_used_at: null,
          warnings: [],
        },
      },
    },
    errors: ['SECRETS_EXCEEDED'],
  },
  listSecrets: {
    method: 'GET',
    path: '/api/v1/secrets',
    role: 'operator',
    tag: 'secrets',
    summary: 'The secrets that plans may use, by name',
    description: 'Names, hosts and times; no key reads a value.',
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of secrets.',
        schema: SecretPage,
        example: { data: [SECRET], has_more: false, next_cursor: null },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
  getSecret: {
    method: 'GET',
    path: '/api/v1/secrets/:secret_name',
    role: 'operator',
    tag: 'secrets',
    summary: 'A secret: where it may be sent, its version, when it was used; never its value',
    answers: { 200: { description: 'The secret.', schema: SecretView, example: SECRET } },
    errors: ['SECRET_NOT_FOUND'],
  },
  deleteSecret: {
    method: 'DELETE',
    path: '/api/v1/secrets/:secret_name',
    role: 'admin',
    tag: 'secrets',
    summary: 'Delete a secret, with its value',
    description: 'A call that needs it fails from now on, in runs that are open too.',
    answers: {
      200: {
        description: 'It is gone.',
        schema: DeletedSecret,
        example: { name: 'PAYMENTS_TOKEN', deleted: true },
      },
    },
    errors: ['SECRET_NOT_FOUND'],
  },
} as const satisfies Record<string, Route>;
