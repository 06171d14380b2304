import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Pool } from 'undici';
import type { World } from './world.ts';

const PEERS = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));
const DATABASE = 'bench_dbos';
/** On two cores DBOS is as fast with its default of 10, and slower with 40. */
const CONNECTIONS = 20;
const HTTP_CONNECTIONS_MAX = 128;

export interface DbosPeer {
  /** From request to the last step's value. */
  execute(steps: number): Promise<void>;
  /** Steps that DBOS has recorded, of all runs so far. */
  countSteps(): Promise<number>;
  stop(): Promise<void>;
}

/** Installs the peers' packages unless they are there, and starts DBOS on the Postgres of the world. */
export async function startDbosPeer(
  world: World,
  onProgress: (text: string) => void,
): Promise<DbosPeer> {
  if (!existsSync(join(PEERS, 'node_modules', '.package-lock.json'))) {
    onProgress('Installing DBOS (npm ci in bench/peers)');
    const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { status } = spawnSync('npm', words, { cwd: PEERS, stdio: ['ignore', 2, 2] });
    if (status !== 0)
      throw new Error('npm ci in bench/peers failed; without it, leave dbos out by --only.');
  }
  const url = world.databaseUrl.replace(/\/[^/]*$/, `/${DATABASE}`);
  const server = await world.startProcess('dbos', join(PEERS, 'dbos-server.js'), {
    BENCH_DATABASE_URL: url,
    BENCH_CONNECTIONS: String(CONNECTIONS),
  });
  world.pids.dbos = server.pid;
  const http = new Pool(`http://127.0.0.1:${server.facts['port']!}`, {
    connections: HTTP_CONNECTIONS_MAX,
  });
  return {
    async execute(steps) {
      const { statusCode, body } = await http.request({ method: 'POST', path: `/?steps=${steps}` });
      const text = await body.text();
      const last = JSON.stringify({ i: steps - 1, isFirst: steps === 1 });
      if (statusCode !== 200 || text !== last)
        throw new Error(`DBOS answered ${statusCode}: ${text}`);
    },
    async countSteps() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query<{ n: string }>(
          'SELECT count(*) AS n FROM dbos.operation_outputs',
        );
        return Number(rows[0]!.n);
      } finally {
        await client.end();
      }
    },
    async stop() {
      await http.close();
      await server.stop();
      delete world.pids.dbos;
    },
  };
}
