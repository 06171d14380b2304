import type { Middleware } from 'koa';
import { AosError } from '../../src/contracts/failures.ts';
import type { OperationId } from '../../src/contracts/routes.ts';
import type { Rate } from '../../src/rates/rate-limiter.ts';
import { addressSubject, keySubject } from '../../src/rates/subjects.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosState } from '../state.ts';
import { rateHeaders } from './rate-headers.ts';

const KEY_LIMIT = 'its `rate_limit_per_minute`';
const DEFAULT_LIMIT = 'the default AOS_RATE_LIMIT_PER_MINUTE';

/** What decides whether a process gets requests: behind a proxy, others with its address must not be able to end that. */
const isForBalancers = (operation: OperationId | undefined): boolean =>
  operation === 'getHealth' || operation === 'getReadiness';

type RateDeps = Pick<ApiDeps, 'rates' | 'ratePerMinute'>;

/** Counts a request for its key, or for its address where none is needed, and refuses what is over the limit. */
export const limitRate =
  ({ rates, ratePerMinute }: RateDeps): Middleware<AosState> =>
  async (ctx, next) => {
    const { key } = ctx.state as Partial<AosState>;
    const ownLimit = key?.rate_limit_per_minute ?? undefined;
    const rate = await rates.take(
      key === undefined ? addressSubject(ctx.ip) : keySubject(key.id),
      ownLimit ?? ratePerMinute,
    );
    ctx.state.isCounted = true;
    if (key !== undefined) ctx.state.rate = rate;
    ctx.set(rateHeaders(key === undefined ? 'address' : 'key', rate));
    if (!rate.allowed && !isForBalancers(ctx.state.operation)) {
      const whose = key === undefined ? 'this address' : 'this key';
      throw rateLimited(whose, ownLimit === undefined ? DEFAULT_LIMIT : KEY_LIMIT, rate);
    }
    return next();
  };

/** Counts, for its address, what was answered before its turn to be counted: a refused key stays 401, a preflight an answer. */
export const countOthers =
  ({ rates, ratePerMinute }: RateDeps): Middleware<AosState> =>
  async (ctx, next) => {
    await next();
    if (ctx.state.isCounted || ctx.headerSent) return;
    ctx.set(rateHeaders('address', await rates.take(addressSubject(ctx.ip), ratePerMinute)));
  };

function rateLimited(whose: string, limit: string, { perMinute, resetMs }: Rate): AosError {
  return new AosError(
    'RATE_LIMITED',
    `The limit of ${whose}, ${limit}, is ${perMinute} requests a minute, and they are used up. ` +
      `The next minute begins in ${Math.ceil(resetMs / 1000)} s.`,
    {
      retry_after_ms: Math.max(1, resetMs),
      limit: {
        name: limit === KEY_LIMIT ? 'rate_limit_per_minute' : 'AOS_RATE_LIMIT_PER_MINUTE',
        value: perMinute,
        asked: perMinute + 1,
      },
    },
  );
}
