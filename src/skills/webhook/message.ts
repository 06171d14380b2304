import { Webhook } from 'standardwebhooks';
import { AosError } from '../../contracts/failures.ts';
import { WEBHOOK_PAYLOAD_BYTES_MAX } from '../../contracts/limits.ts';
import { toHeaders, toJsonText, toUrl } from '../http/request.ts';
import type { HttpRequest } from '../http/request.ts';
import type { WebhookSendParams } from './params.ts';

const RESERVED_HEADER = /^webhook-|^content-(?:type|encoding)$/;

/** What makes a payload a message. */
export interface MessageFacts {
  /** The same over all tries, so that the receiver can know it again. */
  id: string;
  /** `whsec_` and base64. */
  secret: string;
  /** When this try begins: receivers refuse what is more than some minutes off. */
  sentAt: Date;
  traceparent: string | undefined;
}

/**
 * Makes the signed request of a message, or throws what is wrong with its params. Source: Standard Webhooks 1.0,
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function toWebhookRequest(params: WebhookSendParams, facts: MessageFacts): HttpRequest {
  const { id, secret, sentAt, traceparent } = facts;
  const url = toUrl(params);
  const own = toHeaders(params.headers ?? {}, (name) => RESERVED_HEADER.test(name));
  const body = toBody(params.payload);
  const headers = new Map([
    ['user-agent', 'aos-webhook-send/1.0'],
    ['accept', '*/*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ...(traceparent === undefined ? [] : [['traceparent', traceparent] as const]),
    ...own,
    ['content-type', 'application/json'],
    ['webhook-id', id],
    ['webhook-timestamp', String(Math.floor(sentAt.getTime() / 1000))],
    ['webhook-signature', new Webhook(secret).sign(id, sentAt, body)],
  ]);
  return { url, method: 'POST', headers, body };
}

function toBody(payload: unknown): string {
  const text = toJsonText('payload', payload ?? null);
  const bytes = Buffer.byteLength(text);
  if (bytes <= WEBHOOK_PAYLOAD_BYTES_MAX) return text;
  throw new AosError(
    'PARAMS_TOO_LARGE',
    `\`payload\` has ${bytes} bytes as JSON, more than ${WEBHOOK_PAYLOAD_BYTES_MAX}. ` +
      'Send a smaller part, or a URL where the receiver can fetch it.',
  );
}
