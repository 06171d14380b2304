import Router from '@koa/router';
import type { ApiDeps } from '../deps.ts';
import type { AosState } from '../state.ts';
import { addErrorPageRoutes } from './error-pages.ts';
import { addHealthRoutes } from './health.ts';
import { addLedgerRoutes } from './ledger.ts';
import { addRunRoutes } from './runs.ts';
import { addSkillRoutes } from './skills.ts';
import { addStepRoutes } from './steps.ts';
import { addWebhookSecretRoute } from './webhook-secret.ts';

export function createRouter(deps: ApiDeps): Router<AosState> {
  const router = new Router<AosState>();
  addHealthRoutes(router, deps);
  addErrorPageRoutes(router);
  addRunRoutes(router, deps);
  addStepRoutes(router, deps);
  addLedgerRoutes(router, deps);
  addSkillRoutes(router, deps);
  addWebhookSecretRoute(router, deps);
  return router;
}
