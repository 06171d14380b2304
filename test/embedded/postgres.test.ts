import { readFileSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { isRunning } from '../../src/embedded/running-process.ts';
import { callCopy, createCompiledCopy } from './compiled-copy.ts';

const NOBODY = { uid: 65534, gid: 65534 };
// Only root can give its database to another user: elsewhere there is nothing to test.
const describeAsRoot = process.getuid?.() === 0 ? describe : () => {};

let folder: string;
let copy: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aos-embedded-postgres-'));
  await chmod(folder, 0o755);
  copy = join(folder, 'checkout');
  await createCompiledCopy(copy, 'linked');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that a test kills breaks the connection.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

const remember = (url: string, word: string) =>
  query(url, `CREATE TABLE IF NOT EXISTS words (word text); INSERT INTO words VALUES ('${word}')`);
const recall = async (url: string) =>
  (await query<{ word: string }>(url, 'SELECT word FROM words ORDER BY word')).map((r) => r.word);
const pidOf = (home: string) =>
  Number.parseInt(readFileSync(join(home, 'data', 'postmaster.pid'), 'utf8'), 10);
const isPostgres = (pid: number) => isRunning(pid, 'postgres');

describe('the Postgres of a data folder', () => {
  let dataDir: string;
  let postgres: EmbeddedPostgres;
  const progress: string[] = [];
  const logged: string[] = [];
  const start = (port?: number) =>
    startEmbeddedPostgres({
      dataDir,
      port,
      onProgress: (text) => progress.push(text),
      onLog: (text) => logged.push(text),
    });

  beforeAll(async () => {
    dataDir = join(folder, 'data');
    await mkdir(dataDir, { mode: 0o700 });
    postgres = await start();
  });
  afterAll(() => postgres.stop());

  test('its database is aos, durable, for 127.0.0.1 only and for who has the password', async () => {
    const settings = await query(
      postgres.url,
      `SELECT current_database() AS database, current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS commit, current_setting('listen_addresses') AS host,
        current_setting('unix_socket_directories') AS sockets, current_setting('TimeZone') AS zone,
        current_setting('server_encoding') AS encoding`,
    );
    expect(settings).toEqual([
      {
        database: 'aos',
        fsync: 'on',
        commit: 'on',
        host: '127.0.0.1',
        sockets: '',
        zone: 'UTC',
        encoding: 'UTF8',
      },
    ]);
    const guessed = new URL(postgres.url);
    guessed.password = 'guess';
    await expect(query(guessed.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(progress).toEqual([expect.stringMatching(/^Making a new database in /)]);
    expect(logged.join('')).toContain('ready to accept connections\n');
  });

  test('only its user may read the password and the data', async () => {
    const home = join(dataDir, 'postgres');
    expect((await stat(join(home, 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'data'))).mode & 0o777).toBe(0o700);
    expect(logged.join('')).not.toContain(new URL(postgres.url).password);
  });

  test('it is in a process group of its own, so Ctrl-C does not reach it', () => {
    const pid = pidOf(join(dataDir, 'postgres'));
    const [, , group] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    expect(Number(group)).toBe(pid);
  });

  test('a second start on the same folder is refused and leaves the first alone', async () => {
    await expect(start()).rejects.toThrow(
      new RegExp(`in use by process ${process.pid}\\. Stop that AOS first`),
    );
    await remember(postgres.url, 'first');
  });

  test('stop ends it, twice is the same, and the next start has the rows on the port asked for', async () => {
    const pid = pidOf(join(dataDir, 'postgres'));
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.exited;
    await postgres.stop();
    expect(await isPostgres(pid)).toBe(false);
    const port = await findFreePort();
    postgres = await start(port);
    expect(new URL(postgres.url).port).toBe(String(port));
    expect(await recall(postgres.url)).toEqual(['first']);
    expect(progress).toHaveLength(1);
  });

  test('a busy port is named together with the variable that changes it', async () => {
    const other = join(folder, 'data-busy');
    const { port } = postgres;
    const silent = { onProgress: () => undefined, onLog: () => undefined };
    await expect(startEmbeddedPostgres({ dataDir: other, port, ...silent })).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is busy, so Postgres cannot listen there. Stop what uses it, or set ` +
        'AOS_POSTGRES_PORT to a free port.',
    );
  });

  test('after SIGKILL of Postgres the next start recovers its rows at once', async () => {
    await remember(postgres.url, 'second');
    process.kill(pidOf(join(dataDir, 'postgres')), 'SIGKILL');
    postgres = await start();
    expect(await recall(postgres.url)).toEqual(['first', 'second']);
  });

  test('the Postgres of a parent that was killed is stopped, and a new one has its rows', async () => {
    await postgres.stop();
    const call = { name: 'startEmbeddedPostgres', options: { dataDir } };
    const parent = await callCopy(copy, call);
    await remember(parent.result!.url, 'third');
    const orphan = pidOf(join(dataDir, 'postgres'));
    await parent.crash();
    expect(await isPostgres(orphan)).toBe(true);
    postgres = await start();
    expect(await isPostgres(orphan)).toBe(false);
    expect(await recall(postgres.url)).toEqual(['first', 'second', 'third']);
  });

  test('after SIGKILL of parent and Postgres together the next start recovers the rows', async () => {
    await postgres.stop();
    const call = { name: 'startEmbeddedPostgres', options: { dataDir } };
    const parent = await callCopy(copy, call);
    await remember(parent.result!.url, 'fourth');
    process.kill(pidOf(join(dataDir, 'postgres')), 'SIGKILL');
    await parent.crash();
    postgres = await start(parent.result!.port);
    expect(await recall(postgres.url)).toEqual(['first', 'fourth', 'second', 'third']);
  });
});

test('an initdb that was killed leaves nothing that the next start takes for a database', async () => {
  const dataDir = join(folder, 'half');
  const draft = join(dataDir, 'postgres', 'draft-1');
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, 'PG_VERSION'), '18');
  const silent = { onProgress: () => undefined, onLog: () => undefined };
  const postgres = await startEmbeddedPostgres({ dataDir, ...silent });
  await postgres.stop();
  expect((await readdir(join(dataDir, 'postgres'))).toSorted()).toEqual(['data', 'password']);
});

describeAsRoot('on a machine where this process is root', () => {
  test('an ordinary user is told that the data is of another', async () => {
    const dataDir = join(folder, 'data');
    await chmod(dataDir, 0o755);
    const call = { name: 'startEmbeddedPostgres', options: { dataDir } };
    const { error } = await callCopy(copy, call, { uid: 12345, gid: 12345 });
    expect(error).toMatch(/belongs to user \d+, and this is user 12345\. Start AOS as the user/);
  });

  test('an ordinary user runs it from a read-only checkout; root may run it later, another user not', async () => {
    const dataDir = join(folder, 'nobody', '.aos');
    await mkdir(join(folder, 'nobody'));
    await chmod(join(folder, 'nobody'), 0o777);
    const foreign = join(folder, 'foreign');
    await createCompiledCopy(foreign, 'own');
    const call = { name: 'startEmbeddedPostgres', options: { dataDir } };
    const caller = await callCopy(foreign, call, NOBODY);
    expect(await query(caller.result!.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await stat(join(dataDir, 'postgres', 'data'))).uid).toBe(NOBODY.uid);
    expect(await readdir(join(dataDir, 'postgres'))).toContainEqual(
      expect.stringMatching(/^native-18/),
    );
    await caller.end();
    const { error } = await callCopy(foreign, call, { uid: 12345, gid: 12345 });
    expect(error).toMatch(/^This user may not write to .+ Start AOS as the user who made it/);
    const asRoot = await callCopy(foreign, call);
    expect(await query(asRoot.result!.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await asRoot.end();
  });

  test('a closed checkout without its library links runs as root, and its data is found again', async () => {
    const closed = join(folder, 'root');
    await mkdir(closed, { mode: 0o700 });
    await createCompiledCopy(closed, 'own');
    const dataDir = join(closed, '.aos');
    const outsideDir = join(folder, 'outside');
    const call = { name: 'startEmbeddedPostgres', options: { dataDir, outsideDir } };
    const first = await callCopy(closed, call);
    await remember(first.result!.url, 'kept');
    await first.end();

    const home = await readlink(join(dataDir, 'postgres'));
    expect(home).toMatch(/\/outside\/aos-[0-9a-f]{16}$/);
    expect(first.progress?.[0]).toContain(`The database goes to ${home}`);
    expect((await stat(home)).uid).toBe(0);
    expect((await lstat(join(home, 'data', 'PG_VERSION'))).uid).not.toBe(0);
    const second = await callCopy(closed, call);
    expect([await recall(second.result!.url), second.progress]).toEqual([['kept'], []]);
    await second.end();

    await rm(dataDir, { recursive: true });
    const afresh = await callCopy(closed, call);
    await expect(recall(afresh.result!.url)).rejects.toMatchObject({ code: '42P01' });
    await afresh.end();
    expect(await readdir(outsideDir)).toHaveLength(2);
  });
});
