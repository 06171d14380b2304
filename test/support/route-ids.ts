import { randomUUID } from 'node:crypto';
import type { Pool } from '../../src/storage/pool.ts';
import { insertAgentRow } from './agent-row.ts';
import type { Ids } from './route-walk.ts';
import { insertWebhookRow } from './webhook-row.ts';

/** New ones of all that ids name, which a route may use up: the key is known to nobody, the run may be the agent's, the delivery has failed. */
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
  const secret = `secret_${randomUUID()}`;
  await pool.query(
    `INSERT INTO secrets (tenant_id, name, sealed, hosts) VALUES ($1, $2, '', '{}')`,
    [tenantId, secret],
  );
  return {
    run_id: await runOf(agent),
    key_id: rows[0]!.id,
    agent_id: agent,
    secret_name: secret,
    ...webhook,
  };
}
