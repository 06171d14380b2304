import { uuidv7 } from 'uuidv7';
import type { AgentRow } from '../../src/storage/agents.ts';
import type { Pool } from '../../src/storage/pool.ts';

/** An agent, as a row: what it is made by has tests of its own. */
export async function insertAgentRow(pool: Pool, fields: Partial<AgentRow> = {}): Promise<string> {
  const row = { id: `agent_${uuidv7()}`, tenant_id: 'default', name: 'test', ...fields };
  const columns = Object.keys(row);
  await pool.query(
    `INSERT INTO agents (${columns.join(', ')}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
  return row.id;
}
