import type { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import { ValidatePlan } from '../../src/contracts/validation.ts';
import { validatePlan } from '../../src/validation/validate-plan.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

/** Whether a plan would be taken; nothing is changed and nothing is called to find out. */
export const createValidateHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof PLAN_ROUTES, 'validatePlan'>> => ({
  async validatePlan(ctx) {
    const body = await readJson(ctx.req);
    const { value, warnings } = parseBody(ValidatePlan, body, {
      asIs: ['input'],
      checkedLater: ['plan'],
    });
    ctx.body = await validatePlan(deps, ctx.state.key, value, warnings);
  },
});
