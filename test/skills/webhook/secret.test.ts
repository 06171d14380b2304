import { createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createWebhookSecretOf } from '../../../src/skills/webhook/secret.ts';

const PEPPER = 'a pepper of at least 32 characters';
const secretOf = createWebhookSecretOf(PEPPER);
const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();

test('a secret is HKDF-SHA-256 of the pepper, with the tenant in its info, by RFC 5869', () => {
  const extracted = hmac(Buffer.alloc(32), Buffer.from(PEPPER));
  const expanded = hmac(extracted, Buffer.from('aos/webhook/ten_1/1\u0001'));
  expect(secretOf('ten_1')).toBe(`whsec_${expanded.toString('base64')}`);
});

test('a secret has the bytes that the standard asks for, and nothing of the pepper', () => {
  const [prefix, encoded = ''] = secretOf('ten_1').split('_');
  expect(prefix).toBe('whsec');
  const bytes = Buffer.from(encoded, 'base64');
  expect(bytes.toString('base64')).toBe(encoded);
  expect(bytes.length).toBe(32);
  expect(secretOf('ten_1')).not.toContain(PEPPER);
});

test('every process that has the pepper derives the same secret', () =>
  expect(createWebhookSecretOf(PEPPER)('ten_1')).toBe(secretOf('ten_1')));

test('every tenant, and every pepper, has a secret of its own', () => {
  const tenants = ['ten_1', 'ten_2', 'ten_1/1', '', 'ten_1 ', 'TEN_1', '租户'];
  const secrets = tenants.flatMap((tenant) => [
    secretOf(tenant),
    createWebhookSecretOf(`${PEPPER}!`)(tenant),
  ]);
  expect(new Set(secrets).size).toBe(2 * tenants.length);
});
