import { AosError } from '../contracts/failures.ts';
import { SECRETS_BYTES_PER_TENANT_MAX, SECRETS_PER_TENANT_MAX } from '../contracts/limits.ts';
import { quote } from '../domain/plan/wording.ts';

export const secretNotFound = (name: string): AosError =>
  new AosError('SECRET_NOT_FOUND', `There is no secret ${quote(name)}.`);

export const secretsExceeded = (others: number): AosError =>
  new AosError(
    'SECRETS_EXCEEDED',
    `The tenant has ${others} secrets and may have ${SECRETS_PER_TENANT_MAX}. Delete one first.`,
    { limit: { name: 'secrets_per_tenant_max', value: SECRETS_PER_TENANT_MAX, asked: others + 1 } },
  );

export const secretBytesExceeded = (bytes: number): AosError =>
  new AosError(
    'SECRETS_EXCEEDED',
    `With this one the secrets of the tenant have ${bytes} bytes and may have ${SECRETS_BYTES_PER_TENANT_MAX}. Delete one first.`,
    {
      limit: {
        name: 'secrets_bytes_per_tenant_max',
        value: SECRETS_BYTES_PER_TENANT_MAX,
        asked: bytes,
      },
    },
  );
