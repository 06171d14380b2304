import type { Route } from './route.ts';
import { ACCOUNT_ROUTES } from './routes/account.ts';
import { AGENT_ROUTES } from './routes/agents.ts';
import { COMPAT_ROUTES } from './routes/compat.ts';
import { EVENT_ROUTES } from './routes/events.ts';
import { GOAL_ROUTES } from './routes/goals.ts';
import { KEY_ROUTES } from './routes/keys.ts';
import { PLAN_ROUTES } from './routes/plans.ts';
import { RUN_ROUTES } from './routes/runs.ts';
import { RUNTIME_ROUTES } from './routes/runtime.ts';
import { SECRET_ROUTES } from './routes/secrets.ts';
import { SYSTEM_ROUTES } from './routes/system.ts';
import { WEBHOOK_ROUTES } from './routes/webhooks.ts';

const ALL = {
  ...SYSTEM_ROUTES,
  ...RUN_ROUTES,
  ...EVENT_ROUTES,
  ...PLAN_ROUTES,
  ...AGENT_ROUTES,
  ...GOAL_ROUTES,
  ...RUNTIME_ROUTES,
  ...WEBHOOK_ROUTES,
  ...KEY_ROUTES,
  ...SECRET_ROUTES,
  ...ACCOUNT_ROUTES,
  ...COMPAT_ROUTES,
} as const;

/** The name of what a route does: its `operationId` in OpenAPI, and what permissions and the audit speak of. */
export type OperationId = keyof typeof ALL;

/** Every route, and the role that it needs. The router serves exactly these; OpenAPI is made from them. */
export const ROUTES: Readonly<Record<OperationId, Route>> = ALL;
export const OPERATION_IDS = Object.keys(ALL) as OperationId[];
