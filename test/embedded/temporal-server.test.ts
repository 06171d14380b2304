import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { findFreePorts } from '../../src/embedded/free-port.ts';
import { isRunning } from '../../src/embedded/running-process.ts';
import { stopTemporalOrphan } from '../../src/embedded/temporal-orphan.ts';
import { findTemporalProgram } from '../../src/embedded/temporal-program.ts';
import { startTemporalServer } from '../../src/embedded/temporal-server.ts';
import type { TemporalServer } from '../../src/embedded/temporal-server.ts';
import { callCopy, createCompiledCopy } from './compiled-copy.ts';

const NAMESPACE = 'aos';

let folder: string;
let dataDir: string;
let program: string;
let server: TemporalServer;

const start = (more: { port?: number; uiPort?: number; dataDir?: string } = {}) =>
  startTemporalServer({ program, dataDir, namespace: NAMESPACE, onLog: () => undefined, ...more });

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection, namespace: NAMESPACE }));
  } finally {
    await connection.close();
  }
}

const startWorkflow = (address: string, workflowId: string) =>
  withClient(address, (client) =>
    client.workflow.start('waits', { workflowId, taskQueue: 'nobody-polls' }),
  );
const statusOf = (address: string, workflowId: string) =>
  withClient(address, async (client) => {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name;
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aos-temporal-server-'));
  dataDir = join(folder, 'data');
  program = await findTemporalProgram({
    cacheDir: join(tmpdir(), 'aos-test-cache'),
    onProgress: () => undefined,
  });
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the Temporal of a data folder', () => {
  test('its namespace keeps closed workflows for a week and has the search attributes', async () => {
    await withClient(server.address, async ({ connection }) => {
      const { config } = await connection.workflowService.describeNamespace({
        namespace: NAMESPACE,
      });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(168 * 3600);
      const { customAttributes } = await (
        connection as Connection
      ).operatorService.listSearchAttributes({ namespace: NAMESPACE });
      // 2 is INDEXED_VALUE_TYPE_KEYWORD.
      expect(customAttributes).toMatchObject({ AosTenant: 2, AosStatus: 2, AosAgent: 2 });
    });
  });

  test('its web interface answers on 127.0.0.1', async () => {
    expect(server.uiUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(server.uiUrl)).status).toBe(200);
  });

  test('only its user may read the database, and Ctrl-C does not reach the server', async () => {
    expect((await stat(join(dataDir, 'temporal.sqlite'))).mode & 0o777).toBe(0o600);
    const stats = await readFile(`/proc/${server.pid}/stat`, 'utf8');
    expect(Number(stats.split(') ')[1]!.split(' ')[2])).toBe(server.pid);
  });

  test('a second start on the same folder is refused and leaves the first alone', async () => {
    await expect(start()).rejects.toThrow(
      new RegExp(`temporal\\.sqlite is in use by process ${process.pid}\\. Stop that AOS first`),
    );
    await startWorkflow(server.address, 'first');
  });

  test('a busy port is named together with the variable that changes it', async () => {
    const port = Number(new URL(server.uiUrl).port);
    const other = join(folder, 'other');
    const busy = `Port ${port} of 127.0.0.1 is busy, so Temporal cannot listen there. Stop what uses it, or set`;
    await expect(start({ dataDir: other, port })).rejects.toThrow(
      `${busy} AOS_TEMPORAL_PORT to a free port.`,
    );
    await expect(start({ dataDir: other, uiPort: port })).rejects.toThrow(
      `${busy} TEMPORAL_UI_PORT to a free port.`,
    );
  });

  test('after SIGKILL the next start has the workflows, on the ports asked for', async () => {
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    const [port, uiPort] = (await findFreePorts(2)) as [number, number];
    server = await start({ port, uiPort });
    expect([server.address, server.uiUrl]).toEqual([
      `127.0.0.1:${port}`,
      `http://127.0.0.1:${uiPort}`,
    ]);
    expect(await statusOf(server.address, 'first')).toBe('RUNNING');
  });

  test('stop ends it, and twice is the same', async () => {
    await Promise.all([server.stop(), server.stop()]);
    await server.exited;
    await server.stop();
    expect(await isRunning(server.pid, 'start-dev')).toBe(false);
  });

  test('the server of a parent that was killed is stopped, and a new one has its workflows', async () => {
    const copy = join(folder, 'checkout');
    await createCompiledCopy(copy, 'linked');
    const options = { program, dataDir, namespace: NAMESPACE };
    const parent = await callCopy(copy, { name: 'startTemporalServer', options });
    const orphan = parent.result!;
    await startWorkflow(orphan.address, 'second');
    await parent.crash();
    expect(await isRunning(orphan.pid, 'start-dev')).toBe(true);
    // Asked for by itself: a second server on the file would end the orphan sooner or later, too.
    await stopTemporalOrphan(dataDir, join(dataDir, 'temporal.sqlite'));
    expect(await isRunning(orphan.pid, 'start-dev')).toBe(false);
    server = await start();
    expect(await statusOf(server.address, 'second')).toBe('RUNNING');
  });

  test('a program that ends at once is an error with its last words', async () => {
    const options = { program: '/bin/false', dataDir: join(folder, 'false') };
    await expect(
      startTemporalServer({ ...options, namespace: NAMESPACE, onLog: () => undefined }),
    ).rejects.toThrow(/^Temporal did not start: /);
  });
});
