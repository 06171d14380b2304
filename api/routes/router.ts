import Router from '@koa/router';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import { createCompatHandlers } from '../compat/handlers.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import type { AosState } from '../state.ts';
import { createAccountHandlers } from './account.ts';
import { createAgentHandlers } from './agents.ts';
import { createAuditHandlers } from './audit.ts';
import { createCapabilityHandlers } from './capabilities.ts';
import { createErrorPageHandlers } from './error-pages.ts';
import { createEventHandlers } from './events.ts';
import { createGoalHandlers } from './goals.ts';
import { createHealthHandlers } from './health.ts';
import { createKeyHandlers } from './keys.ts';
import { createLedgerHandlers } from './ledger.ts';
import { rememberMatches } from './matched-paths.ts';
import { createLimitHandlers } from './limits.ts';
import { createMeHandlers } from './me.ts';
import { createOpenApiHandlers } from './openapi.ts';
import { createPlanSchemaHandlers } from './plan-schema.ts';
import { createQueryHandlers } from './query.ts';
import { createQuerySchemaHandlers } from './query-schema.ts';
import { createReferenceHandlers } from './reference.ts';
import { createRunHandlers } from './runs.ts';
import { createSecretHandlers } from './secrets.ts';
import { createSimulateHandlers } from './simulate.ts';
import { createSkillHandlers } from './skills.ts';
import { createStepHandlers } from './steps.ts';
import { createValidateHandlers } from './validate.ts';
import { createWebhookSecretHandlers } from './webhook-secret.ts';
import { createWebhookHandlers } from './webhooks.ts';

/** Serves every route of the table, under its path and its older ones; the name of a route is its operation. */
export function createRouter(deps: ApiDeps): Router<AosState> {
  const handlers: Handlers = {
    ...createHealthHandlers(deps),
    ...createOpenApiHandlers(),
    ...createReferenceHandlers(deps),
    ...createErrorPageHandlers(),
    ...createRunHandlers(deps),
    ...createEventHandlers(deps),
    ...createAgentHandlers(deps),
    ...createGoalHandlers(deps),
    ...createSimulateHandlers(deps),
    ...createQueryHandlers(deps),
    ...createStepHandlers(deps),
    ...createLedgerHandlers(deps),
    ...createSkillHandlers(deps),
    ...createCapabilityHandlers(deps),
    ...createLimitHandlers(deps),
    ...createPlanSchemaHandlers(deps),
    ...createQuerySchemaHandlers(),
    ...createValidateHandlers(deps),
    ...createWebhookSecretHandlers(deps),
    ...createWebhookHandlers(deps),
    ...createKeyHandlers(deps),
    ...createSecretHandlers(deps),
    ...createMeHandlers(deps),
    ...createAccountHandlers(deps),
    ...createAuditHandlers(deps),
    ...createCompatHandlers(deps),
  };
  const router = new Router<AosState>();
  for (const name of OPERATION_IDS) {
    const { method, path, aliases = [] } = ROUTES[name];
    for (const each of [path, ...aliases])
      router.register(each, [method], handlers[name], { name });
  }
  return rememberMatches(router);
}
