import type { Pool } from '../storage/pool.ts';

/** Turns a key into what the table holds of it. */
export type HashKey = (key: string) => Buffer;

/** What everything that acts on keys needs. */
export interface KeyDeps {
  pool: Pool;
  hashKey: HashKey;
}
