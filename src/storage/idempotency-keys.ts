import { AosError } from '../contracts/failures.ts';
import { IDEMPOTENCY_WAIT_MS } from '../contracts/limits.ts';
import { sqlStateOf, withTransaction } from './pool.ts';
import type { Db, Pool, Transaction } from './pool.ts';

/** What makes a repeat the same request. */
export interface OnceKey {
  key: string;
  bodyHash: Buffer;
  /** The key alone tells a repeat, whatever its body says. @default false */
  anyBody?: boolean;
}

/** What was made under a key before. */
export interface MadeBefore {
  id: string;
  /** By a request with the same body. */
  sameBody: boolean;
}

export interface Once {
  tenantId: string;
  /** Without a key nothing tells a repeat. */
  key: OnceKey | undefined;
  /** The id of what is to be made. */
  id: string;
}

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Makes something once for a key, in one transaction; a repeat answers with the id of what was made then.
 * Errors: IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_FLIGHT, and those of `make`.
 */
export async function once<T>(
  pool: Pool,
  { tenantId, key, id }: Once,
  make: (tx: Transaction) => Promise<T>,
): Promise<{ made: T } | { madeBefore: MadeBefore }> {
  const earlier = key && (await findMade(pool, tenantId, key));
  if (earlier !== undefined) return { madeBefore: earlier };
  try {
    const made = await withTransaction(pool, async (tx) => {
      if (key) await takeKey(tx, tenantId, key, id);
      return make(tx);
    });
    return { made };
  } catch (error) {
    if (!(error instanceof TwinMade) || !key) throw error;
    const madeBefore = await findMade(pool, tenantId, key);
    if (madeBefore === undefined) throw twinInFlight();
    return { madeBefore };
  }
}

/** Rolls the transaction back: another request with the same key has made it. */
class TwinMade extends Error {}

/** Waits while a twin holds the key. */
async function takeKey(
  tx: Transaction,
  tenantId: string,
  { key, bodyHash }: OnceKey,
  id: string,
): Promise<void> {
  await tx.query(`SET LOCAL lock_timeout = ${IDEMPOTENCY_WAIT_MS}`);
  const { rowCount } = await tx
    .query(
      `INSERT INTO idempotency_keys (tenant_id, key, body_hash, made) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING`,
      [tenantId, key, bodyHash, id],
    )
    .catch((error: unknown) => {
      throw sqlStateOf(error) === LOCK_NOT_AVAILABLE ? twinInFlight() : error;
    });
  if (rowCount === 0) throw new TwinMade();
  await tx.query('SET LOCAL lock_timeout = DEFAULT');
}

/** What was made under the key; undefined when nothing was. Errors: IDEMPOTENCY_KEY_REUSED. */
export async function findMade(
  db: Db,
  tenantId: string,
  { key, bodyHash, anyBody = false }: OnceKey,
): Promise<MadeBefore | undefined> {
  const { rows } = await db.query<{ body_hash: Buffer; made: string }>(
    'SELECT body_hash, made FROM idempotency_keys WHERE tenant_id = $1 AND key = $2',
    [tenantId, key],
  );
  if (!rows[0]) return undefined;
  const { made: id, body_hash: hash } = rows[0];
  const sameBody = hash.equals(bodyHash);
  if (!sameBody && !anyBody) throw keyReused(id);
  return { id, sameBody };
}

export const keyReused = (madeId: string): AosError =>
  new AosError(
    'IDEMPOTENCY_KEY_REUSED',
    `The idempotency key belongs to ${madeId}, which was asked for with another body. Use a new key.`,
  );

const twinInFlight = (): AosError =>
  new AosError(
    'IDEMPOTENCY_IN_FLIGHT',
    `Another request with this key is being accepted for over ${IDEMPOTENCY_WAIT_MS} ms.`,
    { retry_after_ms: 1_000 },
  );
