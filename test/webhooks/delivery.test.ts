import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { EventReceiver, EventReceiverOptions } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { verifies } from '../support/webhook-receiver.ts';

const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];

describe('a webhook', () => {
  let aos: Harness;
  const lines: string[] = [];
  const receivers: EventReceiver[] = [];
  let tenants = 0;

  /** A receiver in a tenant of its own, so that it gets what its test does alone. */
  async function receive(
    options: EventReceiverOptions = {},
  ): Promise<{ hook: EventReceiver; key: string; run: () => Promise<string> }> {
    const key = options.key ?? (await aos.createKey(`tenant ${(tenants += 1)}`));
    const hook = await receiveEvents(aos, { ...options, key });
    receivers.push(hook);
    const run = async (): Promise<string> => {
      const { body } = await aos.request<{ run_id: string }>('/api/v1/runs', {
        json: { plan: PLAN },
        key,
      });
      await aos.request(`/api/v1/runs/${body.run_id}?wait=30s`, { key });
      return body.run_id;
    };
    return { hook, key, run };
  }

  beforeAll(async () => {
    aos = await startHarness({
      egressAllow: '127.0.0.1/32',
      onLog: (line) => lines.push(line),
      webhooks: { retryDelaysMs: [5, 5, 5], checkMs: 60_000 },
    });
  });
  afterAll(async () => {
    for (const each of receivers) await each.stop();
    await aos.stop();
  });

  test('is sent every event of its tenant once, signed, and none of another tenant', async () => {
    const { hook, run } = await receive();
    const other = await receive();
    const runId = await run();
    const { rows } = await aos.pool.query<{ type: string }>(
      'SELECT type FROM events WHERE run_id = $1 ORDER BY number',
      [runId],
    );
    expect(rows.length).toBeGreaterThan(2);
    const isAll = ({ length }: unknown[]) => length === rows.length;
    await until(hook.list, (list) => isAll(list.filter(({ status }) => status === 'delivered')));
    const messages = hook.messages().toSorted((x, y) => x.data.number! - y.data.number!);
    expect(messages.map(({ type }) => type)).toEqual(rows.map(({ type }) => type));
    expect(messages.every(({ data }) => data.run_id === runId)).toBe(true);
    for (const { body, headers } of hook.deliveries)
      expect(verifies(hook.webhook.secret, body, headers)).toBe(true);
    expect(other.hook.deliveries).toEqual([]);
    expect(await hook.detail()).toMatchObject({
      failing_since: null,
      deliveries: { delivered: messages.length, pending: 0, failed: 0 },
    });
  });

  test('that answers 500 for some time gets each message again under one id, and once it is well', async () => {
    const failing = 3;
    const { hook, run } = await receive({
      settings: { events: ['run.succeeded'] },
      answer: (_, response, n) => answerWith(response, n <= failing ? 500 : 200),
    });
    await run();
    const [delivery] = await until(hook.list, (list) => list[0]?.status === 'delivered');
    expect(delivery).toMatchObject({ attempts: failing + 1, last_status: 200, failure: null });
    expect(new Set(hook.messages().map(({ id }) => id))).toEqual(new Set([delivery!.id]));
    expect(hook.deliveries).toHaveLength(failing + 1);
  });
});
