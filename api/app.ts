import Koa from 'koa';
import type { Engine } from '../src/temporal/engine.ts';
import type { RunDeps } from '../src/runs/deps.ts';
import type { WakeupListener } from '../src/storage/wakeups.ts';
import { authenticate } from './middleware/authenticate.ts';
import type { HashKey } from './middleware/authenticate.ts';
import { answerErrors } from './middleware/errors.ts';
import { assignRequestId } from './middleware/request-id.ts';
import { createRouter } from './routes/router.ts';
import type { AosState } from './state.ts';

export interface ApiDeps extends RunDeps {
  engine: Engine;
  listener: WakeupListener;
  hashKey: HashKey;
  version: string;
  /** Aborted when the server stops: long polls then answer at once. */
  closing: AbortSignal;
}

/** The API, in the order in which a request passes through it. */
export function createApp(deps: ApiDeps): Koa<AosState> {
  const app = new Koa<AosState>();
  const router = createRouter(deps);
  app.use(assignRequestId());
  app.use(answerErrors(deps.logger));
  app.use(authenticate(deps.pool, deps.hashKey));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // Whatever is thrown outside of `answerErrors` is a fault of the server itself.
  app.on('error', (error: unknown) => deps.logger.error('api.failed', error));
  return app;
}
