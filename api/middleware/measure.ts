import type { Middleware } from 'koa';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/instruments.ts';
import type { AosContext, AosState } from '../state.ts';

/**
 * Counts, times and logs every request by its route's template, never by its path, which may hold anything. Reads are
 * many and change nothing, so they are logged for debugging alone.
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
      const write = method === 'GET' || method === 'HEAD' ? logger.debug : logger.info;
      write('request.answered', {
        request_id: ctx.state.requestId,
        run_id: ctx.state.runId,
        method,
        route,
        status,
        duration_ms: Math.round(durationMs),
      });
    }
  };

const routeOf = ({ _matchedRoute: route }: AosContext): string | undefined =>
  typeof route === 'string' ? route : undefined;
