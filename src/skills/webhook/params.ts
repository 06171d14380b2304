import { z } from 'zod';
import { WEBHOOK_TIMEOUT_MAX_MS } from '../../contracts/limits.ts';
import { HttpCallParams, timeLimitParams } from '../http/params.ts';

/** What `webhook_send` takes. */
export const WebhookSendParams = z.object({
  url: HttpCallParams.shape.url,
  // The payload was JSON when it came in; to check it again would walk, and copy, all of it.
  payload: z
    .unknown()
    .optional()
    .describe('Any JSON, sent as it is; without it the output of the step before is sent.'),
  headers: HttpCallParams.shape.headers
    .unwrap()
    .optional()
    .describe('Sent beside those of the standard, `webhook-*`, and of the body, which AOS sets.'),
  ...timeLimitParams(WEBHOOK_TIMEOUT_MAX_MS),
});
export type WebhookSendParams = z.infer<typeof WebhookSendParams>;
