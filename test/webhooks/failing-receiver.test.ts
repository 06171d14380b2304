import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ENDPOINT_RETRY_DELAYS_MS } from '../../src/contracts/limits.ts';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { EventReceiver } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];
/** As many pauses as there are, each of no time. */
const delays = ENDPOINT_RETRY_DELAYS_MS.map(() => 1);
const WAIT_MS = 180_000;

describe('a receiver that answers 500', () => {
  let aos: Harness;
  const receivers: EventReceiver[] = [];
  beforeAll(async () => {
    aos = await startHarness({
      egressAllow: '127.0.0.1/32',
      webhooks: { retryDelaysMs: delays },
    });
  });
  afterAll(async () => {
    for (const each of receivers) await each.stop();
    await aos.stop();
  });

  async function receive(
    answer: (response: ServerResponse, n: number) => void,
  ): Promise<EventReceiver> {
    const receiver = await receiveEvents(aos, {
      settings: { events: ['run.succeeded'] },
      answer: (_, response, n) => answer(response, n),
    });
    receivers.push(receiver);
    return receiver;
  }

  test(
    'until the last attempt takes the message then; for longer, once it is replayed',
    async () => {
      let isWell = false;
      const lasts = delays.length;
      const soon = await receive((response, n) => answerWith(response, n > lasts ? 200 : 500));
      const late = await receive((response) => answerWith(response, isWell ? 200 : 500));
      await aos.run(PLAN);
      const ended = async (hook: EventReceiver) =>
        (await until(hook.list, (list) => list[0]?.completed_at != null))[0]!;

      const delivered = await ended(soon);
      expect(delivered).toMatchObject({ status: 'delivered', attempts: lasts + 1, failure: null });
      expect(soon.messages().map(({ id }) => id)).toEqual(Array(lasts + 1).fill(delivered.id));

      const failed = await ended(late);
      expect(failed).toMatchObject({
        status: 'failed',
        attempts: lasts + 1,
        failure: { code: 'HTTP_5XX', upstream_status: 500, recovery: [{ action: 'retry_later' }] },
      });
      isWell = true;
      const since = new Date(Date.parse(failed.created_at) - 1_000).toISOString();
      const path = `/api/v1/webhooks/${late.webhook.id}/replay`;
      expect(await aos.request(path, { json: { since } })).toMatchObject({
        status: 202,
        body: { replayed: 1 },
      });
      await until(late.list, (list) => list[0]?.status === 'delivered');
      expect(new Set(late.messages().map(({ id }) => id))).toEqual(new Set([failed.id]));
      expect(await late.list()).toHaveLength(1);
    },
    WAIT_MS,
  );
});
