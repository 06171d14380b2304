import type { Middleware } from 'koa';
import { AosError } from '../../src/contracts/failures.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { isOutage } from '../../src/storage/pool.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { AosState } from '../state.ts';

const RETRY_MS = 1_000;

/** The one translator of errors into answers: the failure object as `application/problem+json`. */
export const answerErrors =
  (logger: Logger): Middleware<AosState> =>
  async (ctx, next) => {
    try {
      await next();
      // A stream is written by who has begun it.
      if (ctx.respond === false) return;
      if (ctx.body === undefined || ctx.body === null || ctx.method === 'OPTIONS') {
        // The router says what is allowed on a path that it knows.
        throw !ctx.response.get('Allow')
          ? new AosError('NOT_FOUND', `There is nothing at ${ctx.path}.`)
          : new AosError('METHOD_NOT_ALLOWED', `${ctx.method} is not allowed on ${ctx.path}.`);
      }
    } catch (error) {
      const failure: Failure = { ...toFailure(error, ctx.path), request_id: ctx.state.requestId };
      ctx.state.failureCode = failure.code;
      if (failure.status >= 500) {
        logger.error('request.failed', error, {
          request_id: ctx.state.requestId,
          code: failure.code,
        });
      }
      ctx.status = failure.status;
      ctx.body = failure;
      ctx.type = 'application/problem+json';
      if (failure.retry_after_ms !== undefined) {
        ctx.set('Retry-After', String(Math.ceil(failure.retry_after_ms / 1000)));
      }
      if (failure.status === 401) ctx.set('WWW-Authenticate', 'Bearer realm="aos"');
      if (failure.status === 415) ctx.set('Accept-Encoding', 'identity');
    }
  };

function toFailure(error: unknown, path: string): Failure {
  if (error instanceof AosError) return error.failure;
  // A path that does not decode names nothing.
  if (
    error instanceof URIError ||
    (error instanceof Error && 'status' in error && error.status === 400)
  ) {
    return new AosError('NOT_FOUND', `There is nothing at ${path}.`).failure;
  }
  if (isOutage(error)) {
    return new AosError('SERVICE_UNAVAILABLE', 'Postgres does not answer.', {
      retry_after_ms: RETRY_MS,
    }).failure;
  }
  return new AosError('INTERNAL', 'AOS failed; the log has the details under this request id.')
    .failure;
}
