import { uuidv7 } from 'uuidv7';
import type { Job } from '../cap-race/jobs.ts';
import { startRacers } from '../cap-race/racers.ts';
import type { RaceResult, Racers } from '../cap-race/racers.ts';
import { MICRO_CENTS_PER_CENT } from '../../src/contracts/money.ts';
import { insertAccount } from '../../src/storage/accounts.ts';
import { createPool } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { FIRST_TENANT_ID } from '../../src/storage/tenants.ts';
import { reportCapRace } from '../report/cap-race-report.ts';
import type { Bench, ScenarioReport } from './scenario.ts';

const PROCESSES = 4;
const CONNECTIONS_EACH = 8;
const HOLDS = 1_000;
const HOLD_MICRO_CENTS = 10 * MICRO_CENTS_PER_CENT;
const CAP_MICRO_CENTS = 500 * MICRO_CENTS_PER_CENT;
const ADMITTED = CAP_MICRO_CENTS / HOLD_MICRO_CENTS;
/** Room for every hold of a series. */
const AMPLE_MICRO_CENTS = HOLDS * HOLD_MICRO_CENTS;

export interface CapRaceRound {
  /** 1,000 holds on a cap that admits 50. */
  ledgerCap: RaceResult;
  updateCap: RaceResult;
  /** 1,000 holds that all fit, each settled; and holds without a settle by the plain UPDATE. */
  ledgerPairs: RaceResult;
  statementPairs: RaceResult;
  updatePairs: RaceResult;
  updateHolds: RaceResult;
}

/** Many processes ask one account for more than it has; throws when not exactly as many holds are admitted as fit. */
export async function benchCapRace(bench: Bench): Promise<ScenarioReport> {
  const { databaseUrl } = bench.world;
  const pool = createPool({ url: databaseUrl, connectionsMax: 2, onError: () => undefined });
  const racers = await startRacers(databaseUrl, PROCESSES, CONNECTIONS_EACH);
  try {
    await pool.query(
      `CREATE TABLE bench_caps (id text PRIMARY KEY, cap bigint NOT NULL, reserved bigint NOT NULL DEFAULT 0,
         settled bigint NOT NULL DEFAULT 0)`,
    );
    const rounds: CapRaceRound[] = [];
    await raceRound(bench, pool, racers);
    for (let round = 1; round <= bench.rounds; round += 1) {
      bench.onProgress(`Cap race: round ${round} of ${bench.rounds}`);
      rounds.push(await raceRound(bench, pool, racers));
    }
    return reportCapRace(rounds);
  } finally {
    await racers.stop();
    await pool.query('DROP TABLE IF EXISTS bench_caps');
    await pool.end();
  }
}

async function raceRound({ recorder }: Bench, pool: Pool, racers: Racers): Promise<CapRaceRound> {
  const race = async (kind: Job['kind'], capMicroCents: number, isSettled: boolean) => {
    const accountId = await createAccount(pool, kind, capMicroCents);
    const result = await racers.race({
      kind,
      isSettled,
      accountId,
      count: HOLDS,
      amountMicroCents: HOLD_MICRO_CENTS,
    });
    const expected = capMicroCents === CAP_MICRO_CENTS ? ADMITTED : HOLDS;
    await assertAdmitted(pool, { kind, accountId, isSettled }, result.admitted, expected);
    return result;
  };
  return {
    ledgerCap: await race('ledger', CAP_MICRO_CENTS, false),
    updateCap: await race('update', CAP_MICRO_CENTS, false),
    ledgerPairs: await recorder.record('cap-race', HOLDS, () =>
      race('ledger', AMPLE_MICRO_CENTS, true),
    ),
    statementPairs: await race('statement', AMPLE_MICRO_CENTS, true),
    updatePairs: await race('update', AMPLE_MICRO_CENTS, true),
    updateHolds: await race('update', AMPLE_MICRO_CENTS, false),
  };
}

async function createAccount(pool: Pool, kind: Job['kind'], cap: number): Promise<string> {
  const id = `bench/${uuidv7()}`;
  if (kind === 'update') await pool.query('INSERT INTO bench_caps VALUES ($1, $2)', [id, cap]);
  else
    await insertAccount(pool, {
      id,
      tenantId: FIRST_TENANT_ID,
      parentId: null,
      limitMicroCents: cap,
    });
  return id;
}

/** Both the answers and what stands in Postgres must be exact. */
async function assertAdmitted(
  pool: Pool,
  { kind, accountId, isSettled }: Pick<Job, 'kind' | 'accountId' | 'isSettled'>,
  admitted: number,
  expected: number,
): Promise<void> {
  const { rows } = await pool.query<{ reserved: number; settled: number }>(
    kind === 'update'
      ? 'SELECT reserved, settled FROM bench_caps WHERE id = $1'
      : 'SELECT reserved_micro_cents AS reserved, settled_micro_cents AS settled FROM accounts WHERE id = $1',
    [accountId],
  );
  const { reserved, settled } = rows[0]!;
  const total = expected * HOLD_MICRO_CENTS;
  const isExact = isSettled
    ? reserved === 0 && settled === total / 2
    : reserved === total && settled === 0;
  if (admitted === expected && isExact) return;
  throw new Error(
    `The cap race (${kind}) admitted ${admitted} holds instead of ${expected}; the account has ${reserved} micro-cents ` +
      `reserved and ${settled} settled.`,
  );
}
