import type { Middleware } from 'koa';
import { uuidv7 } from 'uuidv7';
import type { AosState } from '../state.ts';

export const newRequestId = (): string => `req_${uuidv7()}`;

/** Names every request, in the answer's header, its errors and the log. */
export const assignRequestId = (): Middleware<AosState> => async (ctx, next) => {
  ctx.state.requestId = newRequestId();
  ctx.set('X-Request-Id', ctx.state.requestId);
  await next();
};
