import { Webhook } from 'standardwebhooks';
import type { Event } from '../contracts/event.ts';
import type { Json } from '../contracts/json.ts';
import { ENDPOINT_MESSAGE_BYTES_MAX } from '../contracts/limits.ts';
import { WEBHOOK_TEST } from '../contracts/webhook-delivery.ts';
import type { HttpRequest } from '../skills/http/request.ts';
import { toUrl } from '../skills/http/request.ts';

/** What makes a body a message. */
export interface MessageFacts {
  url: string;
  /** The same over all attempts, so that the receiver can know it again. */
  id: string;
  /** The secrets that sign it: the present one, then the one before, while it still does. */
  secrets: readonly string[];
  /** When this attempt begins: receivers refuse what is more than some minutes off. */
  sentAt: Date;
}

/**
 * Makes the signed request of a message. Source: Standard Webhooks 1.0,
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function toMessage(body: string, { url, id, secrets, sentAt }: MessageFacts): HttpRequest {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, sentAt, body));
  const headers = new Map([
    ['user-agent', 'aos-webhooks/1.0'],
    ['accept', '*/*'],
    ['accept-encoding', 'identity'],
    ['content-type', 'application/json'],
    ['webhook-id', id],
    ['webhook-timestamp', String(Math.floor(sentAt.getTime() / 1000))],
    ['webhook-signature', signatures.join(' ')],
  ]);
  return { url: toUrl({ url }), method: 'POST', headers, body };
}

/** The body of an event; what of it is too large is left out, with where it can be read. */
export function bodyOfEvent(event: Event): string {
  const whole = toBody(event.type, event.at, { ...event });
  if (Buffer.byteLength(whole) <= ENDPOINT_MESSAGE_BYTES_MAX) return whole;
  const { run_id: runId, number } = event;
  const where =
    runId === null || number === null
      ? '/api/v1/events'
      : `/api/v1/runs/${runId}/events?after=${number - 1}&limit=1`;
  const data = { omitted: `The event is larger than ${ENDPOINT_MESSAGE_BYTES_MAX} bytes.`, where };
  return toBody(event.type, event.at, { ...event, data });
}

/** The body of a test. */
export const bodyOfTest = (webhookId: string, at: Date): string =>
  toBody(WEBHOOK_TEST, at.toISOString(), { webhook_id: webhookId });

const toBody = (type: string, timestamp: string, data: { [key: string]: Json }): string =>
  JSON.stringify({ type, timestamp, data });
