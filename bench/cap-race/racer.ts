import { uuidv7 } from 'uuidv7';
import { placeHold, settleHold } from '../../src/storage/ledger.ts';
import type { PlaceHold } from '../../src/storage/ledger.ts';
import { reserve, settleWithin } from '../../src/storage/ledger-statements.ts';
import { createPool, withTransaction } from '../../src/storage/pool.ts';
import type { Job, JobResult } from './jobs.ts';

/** One of several processes that want money of the same account at the same time. */
const { BENCH_DATABASE_URL: url = '', BENCH_CONNECTIONS: connections = '' } = process.env;
const CONNECTIONS = Number(connections);
const pool = createPool({
  url,
  connectionsMax: CONNECTIONS,
  // As the embedded stack has it, for both sides.
  namedStatements: true,
  onError: () => undefined,
});

const subject = { actor: 'bench' };

const placeOf = ({ accountId, amountMicroCents }: Job): PlaceHold => {
  const id = `hold_${uuidv7()}`;
  const none = { stepId: null, generation: null, role: null, try: null, fence: null };
  const hold = { id, accountId, amountMicroCents, runId: 'bench', ...none, expiresAt: null };
  return { hold, key: `${id}/hold`, basis: 'worst_case', subject };
};

async function holdByLedger(job: Job): Promise<boolean> {
  const place = placeOf(job);
  const placed = await withTransaction(pool, (tx) => placeHold(tx, place));
  if (placed.ok && job.isSettled) {
    const end = { holdId: place.hold.id, key: `${place.hold.id}/settle`, subject };
    await withTransaction(pool, (tx) => settleHold(tx, end, job.amountMicroCents / 2, 'actual'));
  }
  return placed.ok;
}

/** The statement of the ledger, which is whole by itself. */
async function holdByStatement(job: Job): Promise<boolean> {
  const place = placeOf(job);
  const isPlaced = await reserve(pool, place);
  if (isPlaced && job.isSettled) {
    const end = { holdId: place.hold.id, key: `${place.hold.id}/settle`, subject };
    await settleWithin(pool, end, job.amountMicroCents / 2, 'actual');
  }
  return isPlaced;
}

/** The least that keeps a cap: no entry, no key, no hold that could be ended twice. */
async function holdByUpdate({ accountId, amountMicroCents, isSettled }: Job): Promise<boolean> {
  const { rowCount } = await pool.query(
    'UPDATE bench_caps SET reserved = reserved + $2 WHERE id = $1 AND settled + reserved + $2 <= cap',
    [accountId, amountMicroCents],
  );
  if (rowCount === 1 && isSettled) {
    await pool.query(
      'UPDATE bench_caps SET reserved = reserved - $2, settled = settled + $3 WHERE id = $1',
      [accountId, amountMicroCents, amountMicroCents / 2],
    );
  }
  return rowCount === 1;
}

const HOLDS = { ledger: holdByLedger, statement: holdByStatement, update: holdByUpdate };

async function race(job: Job): Promise<JobResult> {
  const hold = HOLDS[job.kind];
  const startedAt = performance.now();
  const latenciesMs: number[] = [];
  let admitted = 0;
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < job.count) {
      begun += 1;
      if (await hold(job)) admitted += 1;
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return { admitted, latenciesMs };
}

// Every connection is there before a race begins.
await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query('SELECT pg_sleep(0.1)')));
process.on('message', (job: Job) => {
  race(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
