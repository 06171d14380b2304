import { hkdfSync } from 'node:crypto';

const SECRET_BYTES = 32;
/** Part of what a secret is derived from; another one makes other secrets of the same pepper. */
const SECRET_VERSION = 1;

/** Gives the secret that a tenant's webhooks are signed with. */
export type WebhookSecretOf = (tenantId: string) => string;

/**
 * Derives the secrets of all tenants from the pepper, so that none is stored: HKDF-SHA-256 (RFC 5869), written as
 * Standard Webhooks has it, `whsec_` and base64. One tenant's secret tells nothing about the pepper or another's.
 */
export const createWebhookSecretOf =
  (pepper: string): WebhookSecretOf =>
  (tenantId) => {
    const info = `aos/webhook/${tenantId}/${SECRET_VERSION}`;
    const bytes = Buffer.from(hkdfSync('sha256', pepper, '', info, SECRET_BYTES));
    return `whsec_${bytes.toString('base64')}`;
  };
