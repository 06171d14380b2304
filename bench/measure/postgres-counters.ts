import pg from 'pg';

export interface PostgresCounters {
  walBytes: number;
  /** Transactions that were given an id: those that wrote, locked a row or notified. Exact at once. */
  writingTransactions: number;
}

/** Looks at a Postgres over a connection of its own, without writing. */
export interface PostgresProbe {
  read(): Promise<PostgresCounters>;
  /** Commits in the database, reads included; Postgres may count one up to 10 s late. */
  readCommits(): Promise<number>;
  /** Notifications of run wake-ups that the probe has heard. */
  notifications(): number;
  /** Whether it listens: to hear one is a commit too. @default true */
  setListening(listens: boolean): Promise<void>;
  /** Commits of the probe itself, which `readCommits` counts too. */
  ownCommits(): number;
  ask<Row extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<Row>>;
  serverPid: number;
  version: string;
  close(): Promise<void>;
}

const CHANNEL = 'aos_runs';

export async function openPostgresProbe(
  url: string,
  pidOfParent: (pid: number) => number | undefined,
): Promise<PostgresProbe> {
  const client = new pg.Client({ connectionString: url });
  // At the end the server goes first.
  client.on('error', () => undefined);
  await client.connect();
  let notifications = 0;
  let ownCommits = 0;
  const ask = <Row extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<Row>> => {
    ownCommits += 1;
    return client.query<Row>(text);
  };
  client.on('notification', () => {
    notifications += 1;
  });
  await ask(`LISTEN ${CHANNEL}`);
  const { rows } = await ask<{ pid: number; version: string }>(
    `SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version`,
  );
  const { pid, version } = rows[0]!;
  return {
    async read() {
      const { rows: counters } = await ask<{ wal: string; xid: string }>(
        `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal, pg_snapshot_xmax(pg_current_snapshot())::text AS xid`,
      );
      const { wal, xid } = counters[0]!;
      return { walBytes: Number(wal), writingTransactions: Number(xid) };
    },
    async readCommits() {
      await ask('SELECT pg_stat_clear_snapshot()');
      const { rows: commits } = await ask<{ n: string }>(
        'SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()',
      );
      return Number(commits[0]!.n);
    },
    notifications: () => notifications,
    async setListening(listens) {
      await ask(`${listens ? 'LISTEN' : 'UNLISTEN'} ${CHANNEL}`);
    },
    ownCommits: () => ownCommits,
    ask,
    serverPid: pidOfParent(pid) ?? pid,
    version,
    close: () => client.end(),
  };
}
