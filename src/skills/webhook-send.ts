import { z } from 'zod';
import type { Json, JsonObject } from '../contracts/json.ts';
import {
  HTTP_HEADERS_MAX,
  HTTP_URL_LENGTH_MAX,
  WEBHOOK_PAYLOAD_BYTES_MAX,
  WEBHOOK_RESPONSE_BYTES_MAX,
  WEBHOOK_TIMEOUT_DEFAULT_MS,
  WEBHOOK_TIMEOUT_MAX_MS,
} from '../contracts/limits.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { EgressGuard } from './egress.ts';
import { withinTime } from './http/deadline.ts';
import type { Meter } from './http/exchange.ts';
import { nameOf } from './http/failures.ts';
import { hideInFailure, viewForeign } from './http/hide-secrets.ts';
import { callMetered, worstCaseOf } from './http/metered-call.ts';
import type { MeteredCall } from './http/metered-call.ts';
import { parseParams, timeoutMsOf } from './http/params.ts';
import type { HttpPrices } from './http/prices.ts';
import { openSender } from './http/sender.ts';
import { traceparentOfEffect } from './http/traceparent.ts';
import type { Skill, SkillCall } from './skill.ts';
import { deliver } from './webhook/delivery.ts';
import { toWebhookRequest } from './webhook/message.ts';
import { WebhookSendParams } from './webhook/params.ts';
import type { WebhookSecretOf } from './webhook/secret.ts';

/** What `webhook_send` takes, gives and promises. */
export const webhookSendContract: SkillContract = {
  id: 'webhook_send',
  name: 'Send a webhook',
  version: '1.0.0',
  description:
    'Posts one JSON message to a receiver, signed by Standard Webhooks 1.0. The receiver verifies `webhook-signature`: ' +
    'after `v1,` the HMAC-SHA256, as base64, of `webhook-id`, `.`, `webhook-timestamp`, `.` and the raw body. The key is ' +
    'the `whsec_` secret of the tenant, which an admin key reads at GET /api/v1/runtime/webhook-secret; the libraries of ' +
    'standardwebhooks.com take it as it is. A message may arrive more than once, after a time-out or a lost worker, ' +
    'always with the same `webhook-id`: the receiver drops an id that it has had, as the standard asks. A status from ' +
    '200 to 299 is success, whatever the body. No redirect is followed, and private addresses cannot be reached. Where the ' +
    'agent has `allowed_hosts`, no other host can be reached.',
  params: WebhookSendParams,
  output: z.object({
    status_code: z.int(),
    webhook_id: z.string().describe('The effect key of the step, the same over all tries.'),
    headers: z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .describe('Names in lower case; only `set-cookie` is a list.'),
    body: z.unknown().describe('What the receiver answered, any JSON; null when there is nothing.'),
    body_encoding: z.literal('base64').optional(),
    body_error: z.string().optional().describe('Why the body is not shown, or not parsed.'),
    url: z.string(),
    duration_ms: z.int(),
  }),
  cost: {
    // Where a host has a price, a lost call must be presumed to have cost it.
    per: 'call',
    base_micro_cents: 0,
    note: 'Free, unless the operator has set a price for the host: then the same as an http_call to it.',
  },
  latency: { typical_ms: 300 },
  timeout: { default_ms: WEBHOOK_TIMEOUT_DEFAULT_MS, max_ms: WEBHOOK_TIMEOUT_MAX_MS },
  retry: { max_attempts: 5 },
  limits: {
    payload_bytes_max: WEBHOOK_PAYLOAD_BYTES_MAX,
    response_bytes_max: WEBHOOK_RESPONSE_BYTES_MAX,
    url_length_max: HTTP_URL_LENGTH_MAX,
    headers_max: HTTP_HEADERS_MAX,
  },
  side_effects: 'outside',
  idempotent: 'always',
  // Another step with the same params sends another message, and the receiver may do anything.
  hints: { idempotent: false },
  failure_modes: [
    { code: 'HTTP_5XX', description: 'The receiver fails.', probability: 0.02 },
    { code: 'HTTP_4XX', description: 'The receiver refuses the message.', probability: 0.01 },
    { code: 'TIMEOUT', description: 'The receiver is slow.', probability: 0.01 },
    {
      code: 'CONNECT_FAILED',
      description: 'The receiver cannot be reached.',
      probability: 0.005,
    },
    { code: 'CONNECTION_LOST', description: 'The connection breaks off.', probability: 0.005 },
    { code: 'DNS_FAILED', description: 'The name does not resolve.', probability: 0.003 },
    { code: 'TLS_FAILED', description: 'The certificate is not valid.', probability: 0.002 },
    { code: 'WEBHOOK_GONE', description: 'The receiver wants no more.', probability: 0.002 },
    { code: 'REDIRECT_REFUSED', description: 'The receiver redirects.', probability: 0.002 },
    {
      code: 'PARAMS_INVALID',
      description: 'The URL or a header is not valid.',
      probability: 0.002,
    },
    { code: 'PARAMS_TOO_LARGE', description: 'The payload is over its cap.', probability: 0.002 },
    { code: 'RESPONSE_INVALID', description: 'The response is no HTTP.', probability: 0.001 },
    {
      code: 'RESPONSE_TOO_LARGE',
      description: 'The headers of the response are over their cap.',
      probability: 0.0005,
    },
    { code: 'EGRESS_BLOCKED', description: 'The target is not public.', probability: 0.001 },
    { code: 'HOST_NOT_ALLOWED', description: 'The agent may not go there.', probability: 0.001 },
  ],
  inline: false,
  takes_previous: { into: 'payload', unless: ['payload'] },
};

/** What the skill is made of. */
export interface WebhookSendDeps {
  egress: EgressGuard;
  prices: HttpPrices;
  secretOf: WebhookSecretOf;
}

/** Creates the skill `webhook_send`: one signed message, guarded, priced and bounded. */
export function createWebhookSend({ egress, prices, secretOf }: WebhookSendDeps): Skill {
  async function perform(call: SkillCall, meter: Meter): Promise<Json> {
    const startedAt = performance.now();
    const { effectKey, tenantId, traceparent, allowedHosts, secrets } = call;
    const request = toWebhookRequest(parseParams(WebhookSendParams, call.params), {
      id: effectKey,
      secret: secretOf(tenantId),
      sentAt: new Date(),
      traceparent: traceparent && traceparentOfEffect(traceparent, effectKey),
    });
    const sender = openSender({ egress, meter, allowedHosts, secrets });
    try {
      const receipt = await withinTime(call, nameOf(request), () =>
        deliver(sender, request, secrets),
      );
      return {
        status_code: receipt.status,
        webhook_id: effectKey,
        ...(await viewForeign(receipt.headers, request.url, () => receipt.view, secrets)),
        duration_ms: Math.round(performance.now() - startedAt),
      };
    } finally {
      sender.stop();
    }
  }

  const meteredBy = (params: JsonObject): MeteredCall => ({
    skillId: webhookSendContract.id,
    params,
    prices,
    responseBytesMax: WEBHOOK_RESPONSE_BYTES_MAX,
  });

  return {
    contract: webhookSendContract,
    worstCaseMicroCents: (params) => worstCaseOf(meteredBy(params)),
    isIdempotent: () => true,
    timeoutMs: timeoutMsOf,
    async call(call) {
      const result = await callMetered(meteredBy(call.params), (meter) => perform(call, meter));
      return hideInFailure(result, call.secrets);
    },
  };
}
