import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createWakeupListener, createWakeupSender } from '../../src/storage/wakeups.ts';
import type { WakeupListener } from '../../src/storage/wakeups.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const NEVER_MS = 30_000;

describe('a wake-up', () => {
  let database: TestDatabase;
  const listeners: WakeupListener[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
  });
  afterAll(() => database.drop());

  const backendPids = async (): Promise<number[]> => {
    const { rows } = await database.pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN aos_runs' AND state = 'idle'`,
    );
    return rows.map((row) => row.pid);
  };

  /** A listener that hears: there is one more connection that listens. */
  async function listen(): Promise<WakeupListener> {
    const before = await backendPids();
    const listener = createWakeupListener(database.url);
    listeners.push(listener);
    await newBackend(before);
    return listener;
  }
  async function newBackend(known: readonly number[]): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!(await backendPids()).some((pid) => !known.includes(pid))) {
      if (Date.now() > deadline) throw new Error('nobody has begun to listen');
    }
  }

  /** Who still listens once the server has noticed that connections were closed. */
  async function remaining(): Promise<number[]> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const pids = await backendPids();
      if (pids.length === 0 || Date.now() > deadline) return pids;
    }
  }

  /** Which of these waits are over once everything that was sent has arrived. */
  const spy = (wait: Promise<void>): { isOver: boolean; wait: Promise<void> } => {
    const state = { isOver: false, wait };
    state.wait = wait.then(() => {
      state.isOver = true;
    });
    return state;
  };

  test('reaches every reader of the run, in every process, and nobody else', async () => {
    const [here, there] = [await listen(), await listen()];
    const readers = [
      spy(here.wait('run_a', NEVER_MS)),
      spy(here.wait('run_a', NEVER_MS)),
      spy(there.wait('run_a', NEVER_MS)),
    ];
    const bystander = spy(here.wait('run_b', NEVER_MS));
    createWakeupSender(database.pool).wake('run_a');
    await Promise.all(readers.map((reader) => reader.wait));
    expect(bystander.isOver).toBe(false);
  });

  test('of 1,000 runs at once reaches each, in a few statements', async () => {
    const listener = await listen();
    const ids = Array.from({ length: 1_000 }, (_, n) => `run_${String(n).padStart(36, '0')}`);
    const waits = ids.map((id) => listener.wait(id, NEVER_MS));
    let statements = 0;
    const sender = createWakeupSender({
      query: ((text: string, values: unknown[]) => {
        statements += 1;
        return database.pool.query(text, values);
      }) as typeof database.pool.query,
    });
    for (const id of [...ids, ...ids]) sender.wake(id);
    await Promise.all(waits);
    expect(statements).toBe(10);
  });

  test('that cannot be sent does no harm, and the next one is sent', async () => {
    const listener = await listen();
    let isDown = true;
    let tried: () => void = () => {};
    const failed = new Promise<void>((resolve) => {
      tried = resolve;
    });
    const sender = createWakeupSender({
      query: ((text: string, values: unknown[]) => {
        if (!isDown) return database.pool.query(text, values);
        tried();
        return Promise.reject(new Error('Postgres is away'));
      }) as typeof database.pool.query,
    });
    sender.wake('run_lost');
    await failed;
    isDown = false;
    const wait = listener.wait('run_next', NEVER_MS);
    sender.wake('run_next');
    await expect(wait).resolves.toBeUndefined();
  });

  test('that never comes lets the reader go when its time is over', async () => {
    const listener = createWakeupListener(database.url);
    listeners.push(listener);
    const begun = performance.now();
    await listener.wait('run_quiet', 150);
    const waitedMs = performance.now() - begun;
    expect(waitedMs).toBeGreaterThanOrEqual(149);
    expect(waitedMs).toBeLessThan(5_000);
  });

  test('is heard again after the connection of the listener has broken', async () => {
    const listener = await listen();
    const before = await backendPids();
    await database.pool.query('SELECT pg_terminate_backend($1)', [before[0]]);
    await newBackend(before);
    const wait = listener.wait('run_after', NEVER_MS);
    createWakeupSender(database.pool).wake('run_after');
    await wait;
    expect(await backendPids()).toHaveLength(1);
  });

  test('is not waited for any longer once the listener stops, connected or not', async () => {
    const connected = await listen();
    const connecting = createWakeupListener(database.url);
    const unreachable = createWakeupListener('postgres://x@127.0.0.1:1/x');
    const waits = [connected, connecting, unreachable].map((each) => each.wait('run_x', NEVER_MS));
    const begun = performance.now();
    await Promise.all([connected.stop(), connecting.stop(), unreachable.stop()]);
    await Promise.all(waits);
    expect(performance.now() - begun).toBeLessThan(NEVER_MS / 2);
    expect(await remaining()).toEqual([]);
  });
});
