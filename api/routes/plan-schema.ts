import { createPlanSchema } from '../../src/capabilities/plan-schema/plan-schema.ts';
import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import { contractsOf } from '../../src/skills/registry.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';

/** The schema of plans that this installation takes. */
export function createPlanSchemaHandlers(
  deps: Pick<ApiDeps, 'skills'>,
): Handlers<Pick<typeof RUNTIME_ROUTES, 'getPlanSchema'>> {
  const text = JSON.stringify(createPlanSchema(contractsOf(deps.skills)));
  return {
    getPlanSchema(ctx) {
      ctx.type = 'application/json';
      ctx.body = text;
    },
  };
}
