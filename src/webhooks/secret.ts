import { randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** A secret as Standard Webhooks has it: `whsec_` and base64. */
export const randomWebhookSecret = (): string =>
  `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/** Where a sealed secret of a webhook belongs. */
export const webhookSecretPlace = (tenantId: string, webhookId: string): string =>
  `webhook/${tenantId}/${webhookId}`;
