import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import { WebhookSecret } from '../../src/contracts/webhook-secret.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PATH = '/api/v1/runtime/webhook-secret';

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
});
afterAll(() => aos.stop());

const secretFor = async (key: string): Promise<string> => {
  const { status, body } = await aos.request(PATH, { key });
  expect(status).toBe(200);
  return WebhookSecret.parse(body).secret;
};

test('an admin reads the secret of the tenant, and no cache keeps it', async () => {
  const { status, headers, body } = await aos.request(PATH);
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      standard: 'Standard Webhooks 1.0',
      algorithm: 'HMAC-SHA256',
      signature_version: 'v1',
    },
  });
  expect(headers.get('cache-control')).toBe('no-store');
});

test('all admins of a tenant read the same secret, and those of another tenant another one', async () => {
  const twin = await aos.createKey('default');
  const stranger = await aos.createKey('other');
  expect(await secretFor(twin)).toBe(await secretFor(aos.key));
  expect(await secretFor(stranger)).not.toBe(await secretFor(aos.key));
});

test.each(['viewer', 'operator'] as const)('a key of the role %s is refused', async (role) => {
  const key = await aos.createKey('default', null, role);
  const { status, body } = await aos.request<Failure>(PATH, { key });
  expect({ status, body }).toEqual({
    status: 403,
    body: expect.objectContaining({
      code: 'FORBIDDEN',
      category: 'PERMISSION',
      retryable: false,
      detail: expect.stringContaining(role),
    }),
  });
  expect(JSON.stringify(body)).not.toContain('whsec_');
});

test('without a key nothing is told, and nothing but reading is there', async () => {
  expect(await aos.request(PATH, { key: null })).toMatchObject({
    status: 401,
    body: { code: 'UNAUTHENTICATED' },
  });
  expect(await aos.request(PATH, { method: 'DELETE' })).toMatchObject({
    status: 405,
    body: { code: 'METHOD_NOT_ALLOWED' },
  });
});
