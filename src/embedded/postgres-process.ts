import { join } from 'node:path';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { dataOf, POSTGRES_ENV, SUPERVISOR_SETTING } from './postgres-cluster.ts';
import type { PostgresPlace } from './postgres-cluster.ts';

/** A fast shutdown, then an immediate one. */
const STOP_STEPS = [
  { signal: 'SIGINT' as const, waitMs: 10_000 },
  { signal: 'SIGQUIT' as const, waitMs: 10_000 },
];

/** Starts the server program of a place on a port; it may end at once, with the reason in its last lines. */
export function startPostgresProcess(
  place: PostgresPlace,
  port: number,
  onLog: (text: string) => void,
): Promise<Child> {
  const settings = [
    // With a space behind its value, as stopOrphan looks for it.
    `${SUPERVISOR_SETTING}=${process.pid}`,
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=128MB',
    'wal_compression=on',
    'fsync=on',
    'synchronous_commit=on',
    'timezone=UTC',
    'log_timezone=UTC',
  ];
  const args = ['-D', dataOf(place), ...settings.flatMap((setting) => ['-c', setting])];
  const { bin, home: cwd, account } = place;
  const file = join(bin, 'postgres');
  return startChild({ file, args, cwd, env: POSTGRES_ENV, account, onLog }, STOP_STEPS);
}
