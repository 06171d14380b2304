import { LRUCache } from 'lru-cache';
import {
  KEY_CACHE_MS,
  KEY_LENGTH_MAX,
  KEY_USE_NOTED_MS,
  KEYS_CACHED_MAX,
  WRONG_KEYS_CACHED_MAX,
} from '../contracts/limits.ts';
import { noteKeyUse } from '../storage/api-keys.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Db } from '../storage/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HashKey } from './deps.ts';
import { createKeyLookup } from './key-lookup.ts';

export interface KeyCache {
  /** The key that was presented, if it works. Errors: SERVICE_UNAVAILABLE, and those of Postgres. */
  find(presented: string): Promise<ApiKey | undefined>;
}

export interface KeyCacheDeps {
  pool: Db;
  hashKey: HashKey;
  logger: Logger;
  /** @default a clock that nobody sets */
  nowMs?: () => number;
}

/** Every key is like this; whatever else is presented was never one, so nobody is asked about it. */
const KEY_FORM = /^aos_[\x21-\x7e]+$/;

interface Good {
  key: ApiKey;
  untilMs: number;
  notedAtMs: number;
}

interface Flight {
  askedAtMs: number;
  found: Promise<ApiKey | undefined>;
}

/**
 * What this process knows of the keys that are presented to it.
 * 1. What it answers was asked of Postgres less than KEY_CACHE_MS before, and never of a key past its expiry.
 * 2. A key that has worked before waits behind no other one: it has look-ups of its own, and a memory of its own.
 */
export function createKeyCache({
  pool,
  hashKey,
  logger,
  nowMs = () => performance.now(),
}: KeyCacheDeps): KeyCache {
  const good = new LRUCache<string, Good>({ max: KEYS_CACHED_MAX });
  const wrongUntilMs = new LRUCache<string, number>({ max: WRONG_KEYS_CACHED_MAX });
  const flights = new Map<string, Flight>();
  const lookUpAgain = createKeyLookup(pool);
  const lookUpFirst = createKeyLookup(pool);

  async function lookUp(name: string, hash: Buffer, askedAtMs: number) {
    const found = await (good.has(name) ? lookUpAgain : lookUpFirst)(hash);
    if (!found) {
      good.delete(name);
      wrongUntilMs.set(name, askedAtMs + KEY_CACHE_MS);
      return undefined;
    }
    const { key, expiresInMs } = found;
    const untilMs = askedAtMs + Math.min(KEY_CACHE_MS, expiresInMs ?? Infinity);
    good.set(name, { key, untilMs, notedAtMs: good.peek(name)?.notedAtMs ?? -Infinity });
    noteUse(name);
    return key;
  }

  function takeFlight(name: string, hash: Buffer): Promise<ApiKey | undefined> {
    const now = nowMs();
    const open = flights.get(name);
    // One that takes longer than that may have seen the key as it no longer is.
    if (open && now - open.askedAtMs < KEY_CACHE_MS) return open.found;
    const flight: Flight = { askedAtMs: now, found: lookUp(name, hash, now) };
    flights.set(name, flight);
    const land = () => {
      if (flights.get(name) === flight) flights.delete(name);
    };
    flight.found.then(land, land);
    return flight.found;
  }

  /** The request does not wait for it, and is none the worse when it fails. */
  function noteUse(name: string): void {
    const entry = good.peek(name);
    if (!entry || nowMs() - entry.notedAtMs < KEY_USE_NOTED_MS) return;
    entry.notedAtMs = nowMs();
    noteKeyUse(pool, entry.key, KEY_USE_NOTED_MS).catch((error: unknown) =>
      logger.debug('key.use_not_noted', { key_id: entry.key.id, reason: String(error) }),
    );
  }

  return {
    async find(presented) {
      if (presented.length > KEY_LENGTH_MAX || !KEY_FORM.test(presented)) return undefined;
      const hash = hashKey(presented);
      const name = hash.toString('base64');
      const entry = good.get(name);
      if (!entry) {
        if (nowMs() < (wrongUntilMs.get(name) ?? -Infinity)) return undefined;
      } else if (nowMs() < entry.untilMs) {
        noteUse(name);
        return entry.key;
      }
      return takeFlight(name, hash);
    },
  };
}
