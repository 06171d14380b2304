import { archiveAgent } from '../../src/agents/archive-agent.ts';
import { checkAllowedSkills } from '../../src/agents/check-agent.ts';
import { createAgent } from '../../src/agents/create-agent.ts';
import { updateAgent } from '../../src/agents/update-agent.ts';
import { viewAgents } from '../../src/agents/view-agent.ts';
import { AgentQuery, CreateAgent, UpdateAgent } from '../../src/contracts/agent.ts';
import type { AgentPage, AgentView } from '../../src/contracts/agent.ts';
import type { AGENT_ROUTES } from '../../src/contracts/routes/agents.ts';
import { hashBody } from '../../src/runs/body-hash.ts';
import { listAgents } from '../../src/storage/agents.ts';
import type { AgentRow } from '../../src/storage/agents.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { agentOf } from '../requests/agent-of.ts';
import { readCursor } from '../requests/cursor.ts';
import { idempotencyKeyOf } from '../requests/idempotency-key.ts';
import { toPage } from '../requests/page.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { parseQuery } from '../requests/run-query.ts';

export function createAgentHandlers({ pool, skills }: ApiDeps): Handlers<typeof AGENT_ROUTES> {
  const alsoCheck = checkAllowedSkills(skills);
  const view = async (row: AgentRow): Promise<AgentView> =>
    (await viewAgents(pool, row.tenant_id, [row]))[0]!;

  return {
    async createAgent(ctx) {
      const body = await readJson(ctx.req);
      const { value, warnings } = parseBody(CreateAgent, body, { alsoCheck });
      const key = idempotencyKeyOf(ctx, value.idempotency_key);
      const bodyHash = hashBody({ operation: 'createAgent', body });
      const once = key === undefined ? undefined : { key, bodyHash };
      const { row, replayed } = await createAgent(pool, actorOf(ctx), value, once);
      if (replayed) ctx.set('Idempotency-Replayed', 'true');
      ctx.set('Location', `/api/v1/agents/${row.id}`);
      ctx.status = 201;
      ctx.body = { ...(await view(row)), warnings };
    },

    async listAgents(ctx) {
      const { tenant_id: tenantId, agent_id: boundTo } = ctx.state.key;
      const { status, label, limit, cursor } = parseQuery(AgentQuery, ctx.query);
      const rows = await listAgents(pool, tenantId, {
        // A key that acts for one agent sees no other.
        id: boundTo ?? undefined,
        status,
        labels: Object.fromEntries(label),
        after: cursor === undefined ? undefined : readCursor(cursor, 'agent'),
        limit: limit + 1,
      });
      const page = toPage(rows, limit, (row) => row);
      const body: AgentPage = { ...page, data: await viewAgents(pool, tenantId, page.data) };
      ctx.body = body;
    },

    async getAgent(ctx) {
      ctx.body = await view(await agentOf(ctx, { pool }));
    },

    async updateAgent(ctx) {
      const { id } = await agentOf(ctx, { pool });
      const { value, warnings } = parseBody(UpdateAgent, await readJson(ctx.req), { alsoCheck });
      const row = await updateAgent(pool, actorOf(ctx), id, value);
      ctx.body = { ...(await view(row)), warnings };
    },

    async archiveAgent(ctx) {
      const { id } = await agentOf(ctx, { pool });
      ctx.body = await view(await archiveAgent(pool, actorOf(ctx), id));
    },
  };
}
