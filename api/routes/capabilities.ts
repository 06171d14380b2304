import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { AGENT_ID } from '../../src/contracts/ids.ts';
import { writeCapabilities } from '../../src/capabilities/write-capabilities.ts';
import { createLoadStanding } from '../../src/capabilities/load-standing.ts';
import { createMeasuredSkills } from '../../src/capabilities/measured-skills.ts';
import { toResourceContract } from '../../src/capabilities/resource-contract.ts';
import { CapabilityQuery } from '../../src/contracts/capabilities.ts';
import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { askerOf } from '../requests/asker-of.ts';
import { parseQuery } from '../requests/run-query.ts';

/** What a key can do and use now. */
export function createCapabilityHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof RUNTIME_ROUTES, 'getCapabilities' | 'getResourceContract'>> {
  const measuredSkills = createMeasuredSkills(deps);
  const loadStanding = createLoadStanding(deps);
  return {
    async getCapabilities(ctx) {
      const { agent_id: asked } = parseQuery(CapabilityQuery, ctx.query);
      const asker = askerOf(ctx, agentAskedFor(ctx.state.key, asked));
      const [standing, contracts] = await Promise.all([
        loadStanding(asker),
        measuredSkills(asker.key.tenant_id),
      ]);
      ctx.type = 'application/json';
      ctx.body = writeCapabilities(asker, standing, contracts);
    },

    async getResourceContract(ctx) {
      const id = ctx.params['resource_id']!;
      const { key } = ctx.state;
      const isOfAgent = AGENT_ID.test(id);
      const asker = askerOf(ctx, isOfAgent ? agentAskedFor(key, id) : key.agent_id);
      ctx.body = toResourceContract(id, await loadStanding(asker), asker.at);
    },
  };
}
