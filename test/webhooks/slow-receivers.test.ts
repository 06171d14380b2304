import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ENDPOINT_SENDING_MAX } from '../../src/contracts/limits.ts';
import type { DeliveryTimes } from '../../src/webhooks/delivery-deps.ts';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { EventReceiver } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const STEPS = 20;
const PLAN = Array.from({ length: STEPS }, (_, index) => ({
  id: `s${index}`,
  skill: 'json_transform',
  params: { data: index, query: '.' },
}));
const settings = { events: ['step.succeeded'] };

/** For machines that are busy with other things. */
const WAIT_MS = 180_000;

describe('a receiver that does not answer', () => {
  let aos: Harness;
  let receivers: EventReceiver[] = [];
  const start = async (webhooks: DeliveryTimes): Promise<void> => {
    aos = await startHarness({ egressAllow: '127.0.0.1/32', webhooks });
  };
  afterEach(async () => {
    for (const each of receivers) await each.stop();
    receivers = [];
    await aos.stop();
  });

  async function receive(
    answer: (response: ServerResponse, n: number) => void,
  ): Promise<EventReceiver> {
    const receiver = await receiveEvents(aos, {
      settings,
      answer: (_, response, n) => answer(response, n),
    });
    receivers.push(receiver);
    return receiver;
  }

  test(
    'holds up its own messages alone, those that come again too, and a few at a time',
    async () => {
      await start({ sendMsMax: 100_000, retryDelaysMs: [5, 5] });
      const failing = 10;
      const held: ServerResponse[] = [];
      let isHeld = true;
      const slow = await receive((response, n) => {
        if (n <= failing) answerWith(response, 500);
        else if (isHeld) held.push(response);
        else answerWith(response, 200);
      });
      const quick = await receive((response) => answerWith(response, 200));
      const isFull = (): Promise<number> =>
        until(
          () => held.length,
          (length) => length >= ENDPOINT_SENDING_MAX,
        );
      for (const times of [1, 2]) {
        expect(await aos.run(PLAN)).toMatchObject({ status: 'succeeded' });
        await until(quick.messages, ({ length }) => length === times * STEPS);
        await isFull();
      }
      const { deliveries } = await slow.detail();
      expect(deliveries).toMatchObject({ sending: ENDPOINT_SENDING_MAX, delivered: 0, failed: 0 });
      expect(held).toHaveLength(ENDPOINT_SENDING_MAX);
      isHeld = false;
      for (const response of held) answerWith(response, 200);
      await until(slow.detail, (detail) => detail.deliveries['delivered'] === 2 * STEPS);
      expect(new Set(slow.messages().map(({ id }) => id)).size).toBe(2 * STEPS);
    },
    WAIT_MS,
  );

  test(
    'in time has failed, and is tried again',
    async () => {
      await start({ sendMsMax: 300, retryDelaysMs: [5] });
      const silent = await receive(() => {});
      await aos.run(PLAN.slice(0, 1));
      const [delivery] = await until(silent.list, (list) => list[0]?.status === 'failed');
      expect(delivery).toMatchObject({
        attempts: 2,
        last_status: null,
        failure: { code: 'TIMEOUT', retryable: true },
      });
      expect(silent.messages().map(({ id }) => id)).toEqual([delivery!.id, delivery!.id]);
    },
    WAIT_MS,
  );
});
