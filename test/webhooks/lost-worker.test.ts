import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ENDPOINT_SENDING_MAX } from '../../src/contracts/limits.ts';
import { deliveryWorkflowId } from '../../src/contracts/messages.ts';
import { dispatchWebhook } from '../../src/webhooks/dispatch-webhook.ts';
import { startDispatcher } from '../../src/webhooks/dispatcher.ts';
import type { Dispatcher } from '../../src/webhooks/dispatcher.ts';
import { createCrashingWorkers } from '../support/crashing-workers.ts';
import type { CrashingWorkers } from '../support/crashing-workers.ts';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { EventReceiver } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];
const EGRESS = '127.0.0.1/32';

/** For machines that are busy with other things. */
const WAIT_MS = 180_000;

describe('deliveries of a webhook', () => {
  let aos: Harness;
  let workers: CrashingWorkers;
  let dispatchers: Dispatcher[] = [];
  let receivers: EventReceiver[] = [];

  beforeAll(async () => {
    aos = await startHarness({ egressAllow: EGRESS, worker: false, reconciler: false });
    workers = createCrashingWorkers(aos, { AOS_EGRESS_ALLOW: EGRESS });
  });
  afterEach(async () => {
    for (const each of dispatchers) await each.stop();
    dispatchers = [];
    await workers.stop();
    for (const { webhook, stop } of receivers) {
      await aos.request(`/api/v1/webhooks/${webhook.id}`, { method: 'DELETE' });
      await stop();
    }
    receivers = [];
  });
  afterAll(() => aos.stop());

  /** Looks at once at what nothing was heard of. */
  const dispatch = (): void => {
    dispatchers.push(startDispatcher({ ...aos.deps, engine: aos.engine, checkMs: 100 }));
  };
  async function receive(
    answer?: (response: ServerResponse, n: number) => void | Promise<void>,
  ): Promise<EventReceiver> {
    const hook = await receiveEvents(aos, {
      settings: { events: ['run.succeeded'] },
      ...(answer && { answer: (_, response, n) => void answer(response, n) }),
    });
    receivers.push(hook);
    return hook;
  }
  const delivered = async (hook: EventReceiver, count = 1) => {
    const list = await until(
      hook.list,
      (all) => all.length >= count && all.every(({ status }) => status === 'delivered'),
    );
    expect(list).toHaveLength(count);
    return list;
  };

  test(
    'whose worker is killed before it hears the answer are sent again, as the same message',
    async () => {
      let worker: ChildProcess | undefined;
      const hook = await receive(async (response, n) => {
        if (n > 1) return answerWith(response, 200);
        worker!.kill('SIGKILL');
        await once(worker!, 'exit');
        await workers.start();
      });
      worker = await workers.start();
      dispatch();
      await aos.run(PLAN);
      const [delivery] = await delivered(hook);
      expect(delivery).toMatchObject({ attempts: 1, last_status: 200 });
      expect(hook.messages().map(({ id }) => id)).toEqual([delivery!.id, delivery!.id]);
      expect(hook.deliveries[1]!.body).toEqual(hook.deliveries[0]!.body);
    },
    WAIT_MS,
  );

  test(
    'whose worker is killed between the answer and its record are sent again, and recorded once',
    async () => {
      const client = await aos.pool.connect();
      const hook = await receive(async (response, n) => {
        if (n === 1) {
          await client.query('BEGIN');
          await client.query('SELECT 1 FROM webhooks WHERE id = $1 FOR UPDATE', [hook.webhook.id]);
        }
        answerWith(response, 200);
      });
      const worker = await workers.start();
      dispatch();
      await aos.run(PLAN);
      const readWaiting = async (): Promise<unknown[]> =>
        (
          await aos.pool.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          )
        ).rows;
      await until(readWaiting, ({ length }) => length > 0);
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      await client.query('ROLLBACK');
      client.release();
      await workers.start();
      const [delivery] = await delivered(hook);
      expect(delivery).toMatchObject({ attempts: 1 });
      expect(hook.messages().map(({ id }) => id)).toEqual([delivery!.id, delivery!.id]);
    },
    WAIT_MS,
  );

  test(
    'that were begun and never handed to Temporal are found',
    async () => {
      await workers.start();
      const hook = await receive();
      await aos.run(PLAN);
      const { begun } = await until(
        () => dispatchWebhook(aos.pool, hook.webhook.id, 0),
        (dispatched) => dispatched.begun.length > 0,
      );
      expect(await hook.list()).toMatchObject([{ id: begun[0]!.delivery_id, status: 'sending' }]);
      dispatch();
      await delivered(hook);
      expect(hook.messages()).toHaveLength(1);
    },
    WAIT_MS,
  );

  test(
    'whose workflow was terminated, or is lost to Temporal, are taken up by another one',
    async () => {
      await workers.start();
      let isWell = false;
      const hook = await receive((response) =>
        answerWith(response, isWell ? 200 : 503, { 'Retry-After': '3600' }),
      );
      dispatch();
      for (let runs = 0; runs < 2; runs += 1) await aos.run(PLAN);
      const waiting = await until(
        hook.list,
        (list) => list.length === 2 && list.every(({ status }) => status === 'waiting'),
      );
      const [first, second] = waiting.map(({ id }) => deliveryWorkflowId(id, 1));
      await aos.client.workflow.getHandle(first!).terminate('by the test');
      await aos.client.workflowService.deleteWorkflowExecution({
        namespace: 'aos',
        workflowExecution: { workflowId: second! },
      });
      const isGone = (): Promise<boolean> =>
        aos.client.workflow
          .getHandle(second!)
          .describe()
          .then(
            () => false,
            () => true,
          );
      await until(isGone, Boolean);
      isWell = true;
      // As if the hour had passed.
      await aos.pool.query(
        'UPDATE webhook_deliveries SET next_at = now(), check_at = now() WHERE check_at IS NOT NULL',
      );
      const ends = await delivered(hook, 2);
      expect(ends.map(({ id, attempts }) => [id, attempts])).toEqual(
        waiting.map(({ id }) => [id, 2]),
      );
      expect(hook.messages()).toHaveLength(4);
    },
    WAIT_MS,
  );

  test('are begun as many as may be sent at once, however many workers look', async () => {
    const hook = await receive();
    const path = `/api/v1/webhooks/${hook.webhook.id}/test`;
    for (let count = 0; count < 2 * ENDPOINT_SENDING_MAX; count += 1)
      await aos.request(path, { json: {} });
    const looks = await Promise.all(
      Array.from({ length: 6 }, () => dispatchWebhook(aos.pool, hook.webhook.id, 60_000)),
    );
    const begun = looks.flatMap((look) => look.begun.map((each) => each.delivery_id));
    expect(begun).toHaveLength(ENDPOINT_SENDING_MAX);
    const { deliveries } = await hook.detail();
    expect(deliveries).toMatchObject({ sending: begun.length, pending: begun.length });
  });

  test(
    'are made once, however many workers look',
    async () => {
      await workers.start();
      const hooks = [await receive(), await receive()];
      for (let count = 0; count < 4; count += 1) dispatch();
      const runs = await Promise.all(Array.from({ length: 8 }, () => aos.submit(PLAN)));
      for (const { run_id: runId } of runs) await aos.ended(runId);
      for (const hook of hooks) {
        await delivered(hook, runs.length);
        const got = hook.messages().map(({ data }) => data.run_id!);
        expect(got.toSorted()).toEqual(runs.map((run) => run.run_id).toSorted());
      }
    },
    WAIT_MS,
  );
});
