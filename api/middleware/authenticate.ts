import type { Middleware } from 'koa';
import { AosError } from '../../src/contracts/failures.ts';
import type { KeyCache } from '../../src/keys/key-cache.ts';
import type { AosState } from '../state.ts';

/** Finds the key's tenant whatever the method and the route; only the public ones need none. */
export const authenticate =
  (keys: KeyCache): Middleware<AosState> =>
  async (ctx, next) => {
    if (ctx.state.isPublic) return next();
    const presented = presentedKey(
      ctx.get('X-AOS-Key'),
      ctx.get('X-API-Key'),
      ctx.get('Authorization'),
    );
    if (presented === undefined)
      throw new AosError('UNAUTHENTICATED', 'The request carries no API key.');
    const check = async (): Promise<void> => {
      const known = await keys.find(presented);
      if (known && 'key' in known) {
        ctx.state.key = known.key;
        return;
      }
      // For the audit alone: the caller is told the same of every key that does not work.
      if (known) ctx.state.endedKey = known.ended;
      throw new AosError('UNAUTHENTICATED', 'The API key is unknown, revoked or expired.');
    };
    await check();
    ctx.state.checkKeyAgain = check;
    return next();
  };

function presentedKey(aosKey: string, apiKey: string, authorization: string): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  const [first, ...others] = [aosKey, apiKey, bearer].filter((key) => key !== '');
  if (others.some((key) => key !== first)) {
    throw new AosError('UNAUTHENTICATED', 'The request carries two different API keys. Send one.');
  }
  return first;
}
