import cors from '@koa/cors';
import type { Middleware } from 'koa';
import type { AosState } from '../state.ts';

const PREFLIGHT_SECONDS = 600;

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'traceparent',
  'X-API-Key',
  'X-AOS-Key',
  'X-Tenant-ID',
];

const ANSWER_HEADERS = [
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
];

/** Lets pages of these origins call the API. To all others it is as if this was not there. */
export function allowOrigins(origins: readonly string[]): Middleware<AosState> {
  const answer = cors({
    origin: (ctx) => (origins.includes(ctx.get('Origin')) ? ctx.get('Origin') : ''),
    allowMethods: 'GET,HEAD,POST,PUT,PATCH,DELETE',
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  });
  return async (ctx, next) => {
    await answer(ctx, next);
    // A preflight that was allowed: no answer of this API is empty.
    if (ctx.status === 204) {
      ctx.status = 200;
      ctx.body = {};
    }
  };
}
