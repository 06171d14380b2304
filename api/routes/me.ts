import type { Me, Rbac } from '../../src/contracts/key.ts';
import { mayAct, ROLES } from '../../src/contracts/roles.ts';
import type { Role } from '../../src/contracts/roles.ts';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import type { KEY_ROUTES } from '../../src/contracts/routes/keys.ts';
import { findKey } from '../../src/keys/find-key.ts';
import { viewKeys } from '../../src/keys/view-key.ts';
import { findAgent } from '../../src/storage/agents.ts';
import { findTenant } from '../../src/storage/tenants.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';

export function createMeHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof KEY_ROUTES, 'getMe' | 'getRbac'>> {
  const roles = ROLES.map((role) => ({ role, may: operationsOf(role) }));
  return {
    async getMe(ctx) {
      const { id, tenant_id: tenantId, role, agent_id: agentId } = ctx.state.key;
      const [tenant, row, agent] = await Promise.all([
        findTenant(deps.pool, tenantId),
        findKey(deps.pool, tenantId, id),
        agentId === null ? undefined : findAgent(deps.pool, tenantId, agentId),
      ]);
      const [key] = await viewKeys(deps, tenantId, [row]);
      const body: Me = {
        tenant: { id: tenantId, name: tenant!.name },
        role,
        key: key!,
        agent: agent ? { agent_id: agent.id, name: agent.name, status: agent.status } : null,
      };
      ctx.body = body;
    },

    getRbac(ctx) {
      const body: Rbac = { role: ctx.state.key.role, roles };
      ctx.body = body;
    },
  };
}

const operationsOf = (role: Role): Rbac['roles'][number]['may'] =>
  OPERATION_IDS.flatMap((id) => {
    const { role: needed, method, path } = ROUTES[id];
    return needed !== 'public' && mayAct(role, needed) ? [{ operation_id: id, method, path }] : [];
  });
