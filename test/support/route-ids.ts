import type { Pool } from '../../src/storage/pool.ts';
import { insertAgentRow } from './agent-row.ts';
import type { Ids } from './route-walk.ts';
import { insertWebhookRow } from './webhook-row.ts';

/** A new key that nobody knows, a new agent, a new webhook with a delivery that has failed, and a run, which may be the agent's: ids that a route may use up. */
export async function makeIds(
  pool: Pool,
  tenantId: string,
  { runOf, name }: { runOf: (agentId: string) => Promise<string> | string; name: string },
): Promise<Ids> {
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO api_keys (id, tenant_id, name, role, hash, prefix)
     VALUES ('key_' || gen_random_uuid(), $1, $2, 'viewer', sha256(gen_random_uuid()::text::bytea), 'aos_')
     RETURNING id`,
    [tenantId, name],
  );
  const agent = await insertAgentRow(pool, { tenant_id: tenantId, name });
  const webhook = await insertWebhookRow(pool, tenantId, name);
  return { run_id: await runOf(agent), key_id: rows[0]!.id, agent_id: agent, ...webhook };
}
