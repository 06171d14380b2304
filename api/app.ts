import Koa from 'koa';
import type { ApiDeps } from './deps.ts';
import { allowOrigins } from './middleware/allow-origins.ts';
import { authenticate } from './middleware/authenticate.ts';
import { authorize } from './middleware/authorize.ts';
import { answerErrors } from './middleware/errors.ts';
import { findOperation } from './middleware/find-operation.ts';
import { countOthers, limitRate } from './middleware/limit-rate.ts';
import { measure } from './middleware/measure.ts';
import { recordRefusals } from './middleware/record-refusals.ts';
import { assignRequestId } from './middleware/request-id.ts';
import { setSecurityHeaders } from './middleware/security-headers.ts';
import { createRouter } from './routes/router.ts';
import type { AosState } from './state.ts';

/** The API, in the order in which a request passes through it. */
export function createApp(deps: ApiDeps): Koa<AosState> {
  const app = new Koa<AosState>();
  const router = createRouter(deps);
  app.use(assignRequestId());
  app.use(findOperation(router));
  app.use(measure(deps));
  app.use(setSecurityHeaders());
  app.use(countOthers(deps));
  app.use(allowOrigins(deps.corsOrigins));
  app.use(answerErrors(deps.logger));
  app.use(recordRefusals(deps.refusals));
  app.use(authenticate(deps.keys));
  app.use(limitRate(deps));
  app.use(authorize());
  app.use(router.routes());
  app.use(router.allowedMethods());
  // Whatever is thrown outside of `answerErrors` is a fault of the server itself.
  app.on('error', (error: unknown, ctx?: Koa.Context) => {
    // Of a stream, that is a client that has gone.
    if (ctx?.respond !== false) deps.logger.error('api.failed', error);
  });
  return app;
}
