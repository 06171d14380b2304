import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';

/**
 * Real servers for the whole suite: one Postgres with a migrated template database, one Temporal. It runs the built
 * code, since Node 20 cannot load TypeScript before jest transforms it; `npm test` builds first.
 */
export default async function startServers() {
  const [{ startEmbeddedPostgres }, { findTemporalProgram }, { startTemporalServer }, { migrate }] =
    await Promise.all([
      import('../../dist/src/embedded/postgres.js'),
      import('../../dist/src/embedded/temporal-program.js'),
      import('../../dist/src/embedded/temporal-server.js'),
      import('../../dist/src/storage/migrate.js'),
    ]);
  const dataDir = await mkdtemp(join(tmpdir(), 'aos-test-'));
  const onProgress = (text) => process.stderr.write(`${text}\n`);
  const onLog = () => {};
  const [postgres, temporal] = await Promise.all([
    startEmbeddedPostgres({ dataDir, onProgress, onLog }),
    findTemporalProgram({
      ...(process.env['TEMPORAL_CLI'] && { configured: process.env['TEMPORAL_CLI'] }),
      cacheDir: resolve('.aos/cache'),
      onProgress,
    }).then((program) => startTemporalServer({ program, dataDir, namespace: 'aos', onLog })),
  ]);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('CREATE DATABASE aos_template');
  await client.end();
  await migrate(postgres.url.replace(/\/[^/]*$/, '/aos_template'));
  process.env['AOS_TEST_POSTGRES_URL'] = postgres.url;
  process.env['AOS_TEST_TEMPORAL_ADDRESS'] = temporal.address;
  globalThis.aosTestServers = { postgres, temporal, dataDir };
}
