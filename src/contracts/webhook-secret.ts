import { z } from 'zod';

/** What the receiver of a tenant's webhooks verifies them with. */
export const WebhookSecret = z.object({
  /** `whsec_` and base64 of the key. */
  secret: z.string().startsWith('whsec_'),
  standard: z.literal('Standard Webhooks 1.0'),
  algorithm: z.literal('HMAC-SHA256'),
  /** What stands before the comma in `webhook-signature`. */
  signature_version: z.literal('v1'),
});
export type WebhookSecret = z.infer<typeof WebhookSecret>;
