import type { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import { Simulate } from '../../src/contracts/simulation.ts';
import { loadBudgets } from '../../src/account/load-budgets.ts';
import type { Json } from '../../src/contracts/json.ts';
import { loadSecretHosts } from '../../src/secrets/load-secret-hosts.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { readTenant } from '../../src/storage/tenants.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { askedAgent } from '../requests/asked-agent.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

/** What a plan would come to; the one thing that a clock decides is which period of a budget it is. */
export const createSimulateHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof PLAN_ROUTES, 'simulatePlan'>> => ({
  async simulatePlan(ctx) {
    const { pool } = deps;
    const { key } = ctx.state;
    const body = await readJson(ctx.req);
    const { value, warnings } = parseBody(Simulate, body, { checkedLater: ['plan', 'tenant_id'] });
    const asked = await askedAgent(pool, key, value.agent_id ?? null);
    const [tenant, budgets, secretHosts] = await Promise.all([
      readTenant(pool, key.tenant_id),
      loadBudgets(pool, key, asked.agent, new Date()),
      loadSecretHosts(pool, key.tenant_id, value.plan as Json),
    ]);
    const subject = { ...asked, agentsRequired: tenant.agents_required, budgets, secretHosts };
    ctx.body = simulate(deps, value, subject, warnings);
  },
});
