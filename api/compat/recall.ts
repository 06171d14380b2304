import { RecallQuery } from '../../src/contracts/compat.ts';
import type { Memory, Recall } from '../../src/contracts/compat.ts';
import { OUTPUT_PREVIEW_CHARS, RECALL_RANKED_MAX } from '../../src/contracts/limits.ts';
import type { COMPAT_ROUTES } from '../../src/contracts/routes/compat.ts';
import { memoryQuery } from '../../src/domain/memory-text.ts';
import { clip } from '../../src/domain/plan/wording.ts';
import { parseFailure } from '../../src/runs/failures.ts';
import { findMemories, hasWords, listMemories } from '../../src/storage/memories.ts';
import type { MemoryRow } from '../../src/storage/memories.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { parseQuery } from '../requests/run-query.ts';
import { agentNamed } from './agent-named.ts';

/** What an agent remembers: its finished runs. */
export const createRecallHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof COMPAT_ROUTES, 'recallMemory'>> => ({
  async recallMemory(ctx) {
    const { pool } = deps;
    const { query: written, k: limit } = parseQuery(RecallQuery, ctx.query);
    const query = memoryQuery(written);
    const agentId = await agentNamed(ctx, deps);
    const { tenant_id: tenantId } = ctx.state.key;
    const asked = { limit, rankedMax: RECALL_RANKED_MAX, outputChars: OUTPUT_PREVIEW_CHARS };
    const rows = (await hasWords(pool, query))
      ? await findMemories(pool, tenantId, agentId, { ...asked, query })
      : await listMemories(pool, tenantId, agentId, asked);
    const body: Recall = { entries: rows.map(viewMemory), total: rows[0]?.total ?? 0 };
    ctx.body = body;
  },
});

function viewMemory({ id, goal, status, failure, output, sensitive, ...row }: MemoryRow): Memory {
  const outcome = failure === null ? (output ?? '') : outcomeOf(failure);
  return {
    id,
    content: [goal, outcome].map((part) => clip(part ?? '', OUTPUT_PREVIEW_CHARS)).join('\n'),
    score: row.score,
    timestamp: row.completed_at.toISOString(),
    ...(goal !== null && { goal }),
    status,
    ...(sensitive === true && { sensitive }),
  };
}

function outcomeOf(failure: string): string {
  const { code, message } = parseFailure(failure);
  return `${code}: ${message}`;
}
