import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../src/contracts/run.ts';
import { startAos } from '../support/started.ts';
import type { Started } from '../support/started.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const KEY = `aos_${'k'.repeat(40)}`;

describe('npm start', () => {
  let dataDir: string;
  let world: World;
  let aos: Started | undefined;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'aos-start-'));
    world = await startWorld();
  });
  afterEach(async () => {
    await aos?.killAll();
    aos = undefined;
  });
  afterAll(async () => {
    await world.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const start = async (settings: Record<string, string> = {}): Promise<Started> => {
    aos = await startAos(
      {
        AOS_DATA_DIR: dataDir,
        AOS_PORT: '0',
        TEMPORAL_UI_PORT: '0',
        AOS_EGRESS_ALLOW: world.target,
        ...settings,
      },
      KEY,
    );
    return aos;
  };

  /** A run that stays open until the world is up. */
  async function submitOpenRun(on: Started): Promise<string> {
    world.isUp = false;
    const { status, body } = await on.request<Run>('/api/v1/runs', {
      plan: [
        { id: 'before', skill: 'json_transform', params: { data: { n: 1 }, query: '.n + 1' } },
        {
          id: 'call',
          skill: 'http_call',
          idempotent: true,
          params: {
            method: 'POST',
            url: `http://${world.target}/`,
            body: '{{steps.before.output}}',
          },
          retry: { max_attempts: 100, backoff_ms: 300, max_backoff_ms: 300 },
        },
        {
          id: 'after',
          skill: 'json_transform',
          params: { data: '{{steps.call.output.body.ok}}', query: '.' },
        },
      ],
    });
    expect(status).toBe(202);
    for (;;) {
      const run = (await on.request<Run>(`/api/v1/runs/${body.run_id}`)).body;
      if (run.steps?.[1]!.tries) return body.run_id;
    }
  }

  test('shows a new admin key once, drains on Ctrl-C, and finishes open runs at the next start', async () => {
    const first = await start();
    const shown = /admin key, shown this once: (aos_\S+)/.exec(first.line)![1]!;
    const asAdmin = await fetch(`${first.url}/api/v1/runs`, {
      headers: { Authorization: `Bearer ${shown}` },
    });
    expect(asAdmin.status).toBe(200);
    expect((await fetch(`${first.url}/api/v1/runs`)).status).toBe(401);
    const before = Date.now();
    expect(await first.interrupt()).toBe(0);
    expect(Date.now() - before).toBeLessThan(15_000);

    const second = await start({ AOS_ADMIN_KEY: KEY });
    expect(second.line).not.toContain('admin key');
    expect((await second.request('/health/ready')).status).toBe(200);
    const runId = await submitOpenRun(second);
    expect(await second.interrupt()).toBe(0);

    const third = await start({ AOS_ADMIN_KEY: KEY });
    world.isUp = true;
    expect(await third.ended(runId)).toMatchObject({ status: 'succeeded', output: true });
    expect(world.effects).toEqual([`${runId}/call/1`]);
    expect((await third.request('/api/v1/ledger/audit')).body).toMatchObject({ violations: [] });
  });

  test('works on the same data after SIGKILL of everything', async () => {
    const first = await start({ AOS_ADMIN_KEY: KEY });
    const runId = await submitOpenRun(first);
    await first.killAll();

    const second = await start({ AOS_ADMIN_KEY: KEY });
    world.isUp = true;
    expect(await second.ended(runId)).toMatchObject({ status: 'succeeded' });
  });

  test("runs every open run again from Postgres when Temporal's file is gone", async () => {
    const first = await start({ AOS_ADMIN_KEY: KEY });
    const runId = await submitOpenRun(first);
    await first.interrupt();
    const files = (await readdir(dataDir)).filter((name) => name.startsWith('temporal.sqlite'));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) await rm(join(dataDir, name));

    const second = await start({ AOS_ADMIN_KEY: KEY });
    world.isUp = true;
    expect(await second.ended(runId)).toMatchObject({ status: 'succeeded', execution: 2 });
    expect(second.output()).toContain('engine.replaced');
  });

  test('starts a killed worker, Postgres and Temporal again by itself', async () => {
    const started = await start({ AOS_ADMIN_KEY: KEY });
    const runId = await submitOpenRun(started);
    for (const name of ['worker.js', 'bin/postgres', 'temporal.sqlite'])
      await started.killOne(name);
    world.isUp = true;
    expect(await started.ended(runId)).toMatchObject({ status: 'succeeded' });
  });

  test('refuses a second start on a folder in use', async () => {
    await start();
    const settings = { AOS_DATA_DIR: dataDir, AOS_PORT: '0', TEMPORAL_UI_PORT: '0' };
    await expect(startAos(settings, KEY)).rejects.toThrow(
      /is running on .* already.*AOS_DATA_DIR/s,
    );
  });

  test('names the setting of a busy port', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const port = String((busy.address() as AddressInfo).port);
    await expect(start({ AOS_PORT: port })).rejects.toThrow(
      new RegExp(`exit 1: Port ${port}.*AOS_PORT`, 's'),
    );
    for (const setting of ['AOS_METRICS_PORT', 'AOS_WORKER_METRICS_PORT']) {
      const message = new RegExp(`exit 1: Port ${port} on 127.0.0.1 is busy. Set ${setting} `);
      await expect(start({ [setting]: port })).rejects.toThrow(message);
    }
    await expect(start({ TEMPORAL_UI_PORT: port })).rejects.toThrow(/TEMPORAL_UI_PORT/);
    busy.close();
  });

  test('stops before it starts anything when a setting is wrong', async () => {
    await expect(start({ AOS_PROT: '1', LOG_LEVEL: 'loud' })).rejects.toThrow(
      /exit 2:.*AOS_PORT.*LOG_LEVEL/s,
    );
  });
});
