import type { RefusalRecorder } from '../src/audit/refusals.ts';
import type { Live } from '../src/live/live.ts';
import type { Streams } from '../src/live/streams.ts';
import type { HashKey } from '../src/keys/deps.ts';
import type { KeyCache } from '../src/keys/key-cache.ts';
import type { RateLimiter } from '../src/rates/rate-limiter.ts';
import type { RunDeps } from '../src/runs/deps.ts';
import type { WebhookSecretOf } from '../src/skills/webhook/secret.ts';
import type { WakeupListener } from '../src/storage/wakeups.ts';
import type { Engine } from '../src/temporal/engine.ts';
import type { Upgrades } from './live/upgrades.ts';

export interface ApiDeps extends RunDeps {
  engine: Engine;
  listener: WakeupListener;
  live: Live;
  streams: Streams;
  keys: KeyCache;
  /** Turns a new key into what the table holds of it. */
  hashKey: HashKey;
  webhookSecretOf: WebhookSecretOf;
  rates: RateLimiter;
  refusals: RefusalRecorder;
  /** Requests a minute of a key without a limit of its own, and of an address without a key. */
  ratePerMinute: number;
  /** Origins whose pages may call the API. */
  corsOrigins: string[];
  version: string;
  /** Where the script of the reference page is. */
  referenceScript: string;
  upgrades: Upgrades;
  /** Aborted when the server stops: long polls then answer at once, and streams end. */
  closing: AbortSignal;
}
