import type { Problem } from '../contracts/failures.ts';
import type { CreateKey } from '../contracts/key.ts';
import { findAgent } from '../storage/agents.ts';
import type { Pool } from '../storage/pool.ts';

/** Times of later years are no longer written with four digits. */
const EXPIRES_MAX_MS = Date.UTC(9999, 0, 1);

/** What is wrong with a key that is asked for, beyond the shape of the request. */
export async function problemsOfKey(
  pool: Pool,
  tenantId: string,
  { agent_id: agentId, role, expires_at: expiresAt }: CreateKey,
): Promise<Problem[]> {
  const problems = problemsOfExpiry(expiresAt);
  if (agentId === undefined) return problems;
  const at = (code: string, message: string) =>
    problems.push({ pointer: '/agent_id', code, message });
  if (role === 'admin') {
    at('NOT_ALLOWED', 'an admin key acts for the whole tenant, so it cannot be bound to an agent');
  }
  const agent = agentId.includes('\0') ? undefined : await findAgent(pool, tenantId, agentId);
  if (!agent) at('AGENT_NOT_FOUND', 'names no agent of GET /api/v1/agents');
  else if (agent.status === 'archived') at('AGENT_ARCHIVED', 'names an agent that is archived');
  return problems;
}

export function problemsOfExpiry(expiresAt: string | null | undefined): Problem[] {
  const atMs = expiresAt == null ? undefined : Date.parse(expiresAt);
  if (atMs === undefined || (atMs > Date.now() && atMs < EXPIRES_MAX_MS)) return [];
  const message = 'must be in the future, and before the year 9999';
  return [{ pointer: '/expires_at', code: 'OUT_OF_RANGE', message }];
}
