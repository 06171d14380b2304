import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { WebhookDelivery } from '../../src/contracts/webhook-delivery.ts';
import type { SecretWebhook, WebhookDetail } from '../../src/contracts/webhook.ts';
import type { Harness } from './harness.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';
import type { Delivery, WebhookReceiver } from './webhook-receiver.ts';

/** A receiver, and the webhook that leads to it. */
export interface EventReceiver extends WebhookReceiver {
  webhook: SecretWebhook;
  /** What came, read. */
  messages: () => { id: string; type: string; data: { run_id?: string; number?: number } }[];
  detail: () => Promise<WebhookDetail>;
  /** Its deliveries, oldest first. */
  list: () => Promise<WebhookDelivery[]>;
}

export interface EventReceiverOptions {
  key?: string;
  path?: string;
  settings?: object;
  answer?: (delivery: Delivery, response: ServerResponse, n: number) => void;
}

export const answerWith = (response: ServerResponse, status: number, headers = {}): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain', ...headers });
  response.end(`answer ${status}`);
};

/** Starts a receiver and registers it. */
export async function receiveEvents(
  aos: Harness,
  { key = aos.key, settings = {}, path = '', answer }: EventReceiverOptions = {},
): Promise<EventReceiver> {
  const receiver = await startWebhookReceiver({
    secret: 'whsec_bm90IHRoZSBvbmUgdGhhdCBzaWducyB0aGVzZSBvbmVz',
    answer: answer ?? ((_, response) => answerWith(response, 200)),
  });
  const { status, body: webhook } = await aos.request<SecretWebhook>('/api/v1/webhooks', {
    json: { url: receiver.url + path, ...settings },
    key,
  });
  if (status !== 201) throw new Error(`register answered ${status}: ${JSON.stringify(webhook)}`);
  const at = `/api/v1/webhooks/${webhook.id}`;
  return {
    ...receiver,
    webhook,
    messages: () =>
      receiver.deliveries.map(({ headers, body }) => ({
        id: String(headers['webhook-id']),
        ...(JSON.parse(body.toString()) as { type: string; data: { run_id?: string } }),
      })),
    detail: async () => (await aos.request<WebhookDetail>(at, { key })).body,
    list: async () => {
      const { body } = await aos.request<{ data: WebhookDelivery[] }>(
        `${at}/deliveries?limit=200`,
        {
          key,
        },
      );
      return body.data.toReversed();
    },
  };
}

/** Waits until something is so, and fails with what it was last when that takes a minute. */
export async function until<T>(
  read: () => Promise<T> | T,
  isSo: (value: T) => boolean,
): Promise<T> {
  for (let looks = 0; ; looks += 1) {
    const value = await read();
    if (isSo(value)) return value;
    if (looks > 1200) throw new Error(`it did not come to be: ${JSON.stringify(value)}`);
    await pause(50);
  }
}
