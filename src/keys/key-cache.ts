import { LRUCache } from 'lru-cache';
import {
  KEY_CACHE_MS,
  KEY_LENGTH_MAX,
  KEY_USE_NOTED_MS,
  KEYS_CACHED_MAX,
  WRONG_KEYS_CACHED_MAX,
} from '../contracts/limits.ts';
import { noteKeyUse } from '../storage/api-keys.ts';
import type { ApiKey, FoundApiKey } from '../storage/api-keys.ts';
import type { Db } from '../storage/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HashKey } from './deps.ts';
import { createKeyLookup } from './key-lookup.ts';

/** A key that works no more: whose it was, and nothing that a request could act with. */
export interface EndedKey {
  id: string;
  tenantId: string;
  reason: 'revoked' | 'expired';
}

/** What a presented key is: one that works, one that has ended, or none at all. */
export type KnownKey = { key: ApiKey } | { ended: EndedKey } | undefined;

export interface KeyCache {
  /** Errors: SERVICE_UNAVAILABLE, and those of Postgres. */
  find(presented: string): Promise<KnownKey>;
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
  known: { key: ApiKey };
  untilMs: number;
  notedAtMs: number;
}

/** One that does not work. */
interface Wrong {
  known: Exclude<KnownKey, { key: ApiKey }>;
  untilMs: number;
}

interface Flight {
  askedAtMs: number;
  found: Promise<KnownKey>;
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
  const wrong = new LRUCache<string, Wrong>({ max: WRONG_KEYS_CACHED_MAX });
  const flights = new Map<string, Flight>();
  const lookUpAgain = createKeyLookup(pool);
  const lookUpFirst = createKeyLookup(pool);

  async function lookUp(name: string, hash: Buffer, askedAtMs: number): Promise<KnownKey> {
    const known = knownOf(await (good.has(name) ? lookUpAgain : lookUpFirst)(hash));
    if (!known || 'ended' in known) {
      good.delete(name);
      wrong.set(name, { known, untilMs: askedAtMs + KEY_CACHE_MS });
      return known;
    }
    const { expiresInMs, key } = known;
    const untilMs = askedAtMs + Math.min(KEY_CACHE_MS, expiresInMs ?? Infinity);
    good.set(name, { known: { key }, untilMs, notedAtMs: good.peek(name)?.notedAtMs ?? -Infinity });
    noteUse(name);
    return { key };
  }

  function takeFlight(name: string, hash: Buffer): Promise<KnownKey> {
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
    const { key } = entry.known;
    noteKeyUse(pool, key, KEY_USE_NOTED_MS).catch((error: unknown) =>
      logger.debug('key.use_not_noted', { key_id: key.id, reason: String(error) }),
    );
  }

  return {
    async find(presented) {
      if (presented.length > KEY_LENGTH_MAX || !KEY_FORM.test(presented)) return undefined;
      const hash = hashKey(presented);
      const name = hash.toString('base64');
      const entry = good.get(name);
      if (!entry) {
        const refused = wrong.get(name);
        if (refused && nowMs() < refused.untilMs) return refused.known;
      } else if (nowMs() < entry.untilMs) {
        noteUse(name);
        return entry.known;
      }
      return takeFlight(name, hash);
    },
  };
}

function knownOf(
  found: FoundApiKey | undefined,
): { key: ApiKey; expiresInMs: number | null } | { ended: EndedKey } | undefined {
  if (!found) return undefined;
  const { key, status, expiresInMs } = found;
  if (status === 'active') return { key, expiresInMs };
  return { ended: { id: key.id, tenantId: key.tenant_id, reason: status } };
}
