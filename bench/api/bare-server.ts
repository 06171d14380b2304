import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { sayReady, stopOnSignal } from '../../src/bin/lifecycle.ts';
import { createPool } from '../../src/storage/pool.ts';

/** What one would write without AOS: Koa, and one read of Postgres for each request. */
const pool = createPool({
  url: process.env['BENCH_DATABASE_URL']!,
  connectionsMax: Number(process.env['BENCH_CONNECTIONS']),
  namedStatements: true,
  onError: () => {},
});
const runId = process.env['BENCH_RUN_ID']!;
const app = new Koa();
app.use(async (ctx) => {
  const { rows } = await pool.query(
    'SELECT id, status, created_at, completed_at, cost_micro_cents FROM runs WHERE id = $1',
    [runId],
  );
  ctx.body = rows[0];
});
const server = app.listen(0, '127.0.0.1');
await new Promise<void>((resolve) => server.once('listening', () => resolve()));
stopOnSignal(async () => {
  server.close();
  server.closeAllConnections();
  await pool.end();
});
sayReady({ port: String((server.address() as AddressInfo).port) });
