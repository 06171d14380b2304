import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import { toUrl } from '../skills/http/request.ts';
import type { EgressGuard } from '../skills/egress.ts';
import { findAgent } from '../storage/agents.ts';
import type { Pool } from '../storage/pool.ts';

interface Asked {
  url?: string | undefined;
  agent_id?: string | undefined;
}

/** What is wrong with a webhook that is asked for, beyond the shape of the request; names are looked up when it sends. */
export async function problemsOfWebhook(
  { pool, egress }: { pool: Pool; egress: EgressGuard },
  tenantId: string,
  { url, agent_id: agentId }: Asked,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const refusal = url === undefined ? undefined : refusalOf(url, egress);
  if (refusal) {
    const { code, message } = refusal.failure;
    problems.push({ pointer: '/url', code, message });
  }
  if (agentId !== undefined && !(await findAgent(pool, tenantId, agentId))) {
    const message = 'names no agent of GET /api/v1/agents';
    problems.push({ pointer: '/agent_id', code: 'AGENT_NOT_FOUND', message });
  }
  return problems;
}

function refusalOf(url: string, egress: EgressGuard): AosError | undefined {
  try {
    return egress.checkUrl(toUrl({ url }));
  } catch (error) {
    if (error instanceof AosError) return error;
    throw error;
  }
}
