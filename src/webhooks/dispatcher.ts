import type { DeliverWebhook } from '../contracts/webhook-activities.ts';
import {
  beginNextGeneration,
  checkSoon,
  claimUnheard,
  listBusyWebhooks,
  sweepDeleted,
} from '../storage/webhook-feed.ts';
import type { Pool } from '../storage/pool.ts';
import type { Engine } from '../temporal/engine.ts';
import type { Logger } from '../telemetry/logger.ts';
import { CHECK_MS } from './delivery-deps.ts';
import { dispatchWebhook } from './dispatch-webhook.ts';

export interface Dispatcher {
  /** Looks again soon; a hint alone. */
  wake(): void;
  stop(): Promise<void>;
}

export interface DispatcherDeps {
  pool: Pool;
  engine: Engine;
  logger: Logger;
  /** @default 1 min */
  checkMs?: number | undefined;
}

const PASS_MS = 1_000;
/** So often at most, however many hints there are. */
const PASS_MS_MIN = 50;
const WEBHOOKS_PER_PAGE = 100;
const WEBHOOKS_AT_ONCE = 4;
const UNHEARD_PER_PASS = 100;
const START_AGAIN_MS = 2_000;
const SWEPT_PER_PASS = 1_000;

/**
 * Turns events into deliveries, and deliveries into workflows, once a second and when it is woken. Every worker runs one:
 * who holds a webhook's row is the only one at it, so there is no leader.
 */
export function startDispatcher({
  pool,
  engine,
  logger,
  checkMs = CHECK_MS,
}: DispatcherDeps): Dispatcher {
  let stopped = false;
  let isWoken = false;
  let tidiedAtMs = -Infinity;
  let wake = () => {};

  const startOne = async (delivery: DeliverWebhook): Promise<void> => {
    if ((await engine.startDelivery(delivery)) === 'open') return;
    const next = await beginNextGeneration(pool, delivery);
    if (!next) return;
    logger.info('webhook.delivery_taken_up', { delivery_id: next.delivery_id });
    await engine.startDelivery(next);
  };

  const start = async (deliveries: readonly DeliverWebhook[]): Promise<void> => {
    const ends = await Promise.allSettled(deliveries.map(startOne));
    const failed = deliveries.filter((_, at) => ends[at]!.status === 'rejected');
    if (failed.length === 0) return;
    // Whether it was started is not known; what is lost here too is found a little later.
    await checkSoon(pool, failed, START_AGAIN_MS);
    logger.warn('webhook.start_failed', { count: failed.length, reason: reasonOf(ends) });
  };

  const dispatch = async (id: string): Promise<void> => {
    try {
      const { begun, isBehind } = await dispatchWebhook(pool, id, checkMs);
      if (isBehind) isWoken = true;
      await start(begun);
    } catch (error) {
      // What was begun and not started is found by its `check_at`.
      logger.warn('webhook.dispatch_failed', { webhook_id: id, reason: String(error) });
    }
  };

  const pass = async (): Promise<void> => {
    for (let after = '', isMore = true; isMore && !stopped;) {
      const ids = await listBusyWebhooks(pool, after, WEBHOOKS_PER_PAGE);
      isMore = ids.length === WEBHOOKS_PER_PAGE;
      after = ids.at(-1) ?? '';
      const waiting = [...ids];
      const lane = async (): Promise<void> => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await dispatch(id);
      };
      await Promise.all(Array.from({ length: WEBHOOKS_AT_ONCE }, lane));
    }
  };

  /** What hints say nothing of. */
  const tidy = async (): Promise<void> => {
    if (performance.now() - tidiedAtMs < PASS_MS) return;
    tidiedAtMs = performance.now();
    await start(await claimUnheard(pool, { limit: UNHEARD_PER_PASS, checkMs }));
    await sweepDeleted(pool, SWEPT_PER_PASS);
  };

  const rest = async (ms: number, untilWoken: boolean): Promise<void> => {
    if (stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        if (!untilWoken && !stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const loop = async (): Promise<void> => {
    while (!stopped) {
      isWoken = false;
      // An outage of Postgres or Temporal ends one pass; the next one looks again.
      const ends = await Promise.allSettled([pass(), tidy()]);
      if (ends.some(({ status }) => status === 'rejected'))
        logger.warn('webhook.pass_failed', { reason: reasonOf(ends) });
      await rest(PASS_MS_MIN, false);
      if (!isWoken) await rest(PASS_MS, true);
    }
  };
  const running = loop();
  return {
    wake() {
      isWoken = true;
      wake();
    },
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}

const reasonOf = (ends: readonly PromiseSettledResult<void>[]): string =>
  String(ends.find((end) => end.status === 'rejected')?.reason);
