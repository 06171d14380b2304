import { AosError } from '../contracts/failures.ts';
import {
  KEY_LOOKUPS_MAX,
  KEY_LOOKUPS_WAITING_MAX,
  KEYS_PER_LOOKUP_MAX,
} from '../contracts/limits.ts';
import { findApiKeys } from '../storage/api-keys.ts';
import type { FoundApiKey } from '../storage/api-keys.ts';
import type { Db } from '../storage/pool.ts';

/** Finds the key with a hash. Errors: SERVICE_UNAVAILABLE when too many wait, and those of Postgres. */
export type KeyLookup = (hash: Buffer) => Promise<FoundApiKey | undefined>;

interface Asked {
  hash: Buffer;
  resolve: (found: FoundApiKey | undefined) => void;
  reject: (error: unknown) => void;
}

const RETRY_MS = 1_000;

/** Looks keys up in few statements at a time: what is asked meanwhile goes together in the next one. */
export function createKeyLookup(db: Db): KeyLookup {
  const waiting: Asked[] = [];
  let running = 0;

  async function ask(batch: readonly Asked[]): Promise<void> {
    try {
      const found = await findApiKeys(
        db,
        batch.map(({ hash }) => hash),
      );
      const byHash = new Map(found.map((each) => [each.hash.toString('base64'), each]));
      for (const { hash, resolve } of batch) resolve(byHash.get(hash.toString('base64')));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  function start(): void {
    while (running < KEY_LOOKUPS_MAX && waiting.length > 0) {
      running += 1;
      void ask(waiting.splice(0, KEYS_PER_LOOKUP_MAX)).finally(() => {
        running -= 1;
        start();
      });
    }
  }

  return (hash) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= KEY_LOOKUPS_WAITING_MAX) {
        reject(
          new AosError(
            'SERVICE_UNAVAILABLE',
            `${KEY_LOOKUPS_WAITING_MAX} requests wait for their keys to be looked up.`,
            { retry_after_ms: RETRY_MS },
          ),
        );
        return;
      }
      waiting.push({ hash, resolve, reject });
      start();
    });
}
