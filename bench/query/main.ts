import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stopOnSignal } from '../../src/bin/lifecycle.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { runQuery } from '../../src/query/run-query.ts';
import { createPool } from '../../src/storage/pool.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { formatNumber } from '../report/table.ts';
import { runToEnd } from '../run-to-end.ts';
import { measurePair } from './paired.ts';
import { benchQuestions } from './questions.ts';
import { reportQuestions } from './report.ts';
import type { MeasuredQuestion } from './report.ts';
import { EVENTS_PER_RUN, fillDatabase, RUNS, TENANT } from './rows.ts';

const MS_PER_QUESTION = 4_000;
const MS_PER_QUESTION_QUICK = 500;
/** Far above what any question takes: the bench tells how long, and gives none up. */
const TIMEOUT_MS = 60_000;

/** `npm run bench:query [-- --only WORD] [--quick]` */
const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, quick: { type: 'boolean', default: false } },
});
const onProgress = (text: string): void => console.error(`· ${text}`);
const dataDir = await mkdtemp(join(tmpdir(), 'aos-bench-query-'));
const postgres = await startEmbeddedPostgres({ dataDir, onProgress, onLog: () => {} });
const pool = createPool({
  url: postgres.url,
  connectionsMax: 2,
  namedStatements: true,
  onError: () => {},
});
const stop = async (): Promise<void> => {
  await pool.end();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
};
stopOnSignal(stop);

async function run(): Promise<void> {
  await migrate(postgres.url);
  onProgress(`Making ${RUNS} runs and ${RUNS * EVENTS_PER_RUN} events`);
  await fillDatabase(postgres.url);
  const { rows } = await pool.query<{ id: string; version: string }>(
    `SELECT id, current_setting('server_version') AS version FROM runs WHERE tenant_id = $1
     ORDER BY created_at DESC OFFSET 5000 LIMIT 1`,
    [TENANT],
  );
  const [{ id: runId, version }] = rows as [{ id: string; version: string }];
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}, Postgres ${version}; ` +
      `load ${loadavg().map(formatNumber).join(' ')}`,
  );
  const measured: MeasuredQuestion[] = [];
  for (const { name, ask, sql, values: bound } of benchQuestions({ runId, now: new Date() })) {
    if (!name.includes(values.only)) continue;
    onProgress(name);
    // All that the route does with a body, but for reading it and sending the answer.
    const ours = async (): Promise<string> => {
      const checked = checkQuery(ask);
      if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
      const viewer = { tenantId: TENANT, agentId: null };
      return JSON.stringify(await runQuery(pool, checked.query, viewer, { timeoutMs: TIMEOUT_MS }));
    };
    const byHand = async (): Promise<string> => JSON.stringify((await pool.query(sql, bound)).rows);
    const forMs = values.quick ? MS_PER_QUESTION_QUICK : MS_PER_QUESTION;
    measured.push({ name, ...(await measurePair(ours, byHand, forMs)) });
  }
  console.log(`\n${reportQuestions(measured)}`);
}

await runToEnd({ world: { log: [], stop }, run });
