import type { Middleware } from 'koa';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/instruments.ts';
import type { AosContext, AosState } from '../state.ts';

/**
 * Counts, times and logs every request by its route's template, never by its path, its query or its headers, which may
 * hold anything.
 */
export const measure =
  ({ metrics, logger }: { metrics: Metrics; logger: Logger }): Middleware<AosState> =>
  async (ctx, next) => {
    const startedMs = performance.now();
    try {
      await next();
    } finally {
      const { method, status } = ctx;
      const route = routeOf(ctx as AosContext);
      const durationMs = performance.now() - startedMs;
      metrics.httpAnswered({ method, route, status, seconds: durationMs / 1000 });
      const { requestId, runId, key, failureCode } = ctx.state as Partial<AosState>;
      logger.info('request.answered', {
        request_id: requestId,
        tenant_id: key?.tenant_id,
        key_id: key?.id,
        run_id: runId,
        method,
        route,
        status,
        code: failureCode,
        duration_ms: Math.round(durationMs),
      });
    }
  };

const routeOf = ({ _matchedRoute: route }: AosContext): string | undefined =>
  typeof route === 'string' ? route : undefined;
