import { z } from 'zod';
import { HISTORY_ENTRIES_MAX, HISTORY_RUNS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Attempt, TriedAlready } from '../contracts/question.ts';
import { listAttempts } from '../storage/attempts.ts';
import type { AttemptRow } from '../storage/attempts.ts';
import { failureFields } from './failure-fields.ts';
import type { Question } from './question.ts';

const Params = z.object({
  limit: z.int().min(1).max(HISTORY_ENTRIES_MAX).default(HISTORY_ENTRIES_MAX),
});

/** Every call that was made, newest first: in the run, or in the newest runs. */
export const whatDidITryAlready: Question<typeof Params> = {
  params: Params,
  async answer({ pool }, { key, runs, warnings }, { limit }) {
    const found = { runs: HISTORY_RUNS_MAX, limit: limit + 1 };
    const rows = runs ? await listAttempts(pool, key.tenant_id, runs, found) : [];
    const history = rows.slice(0, limit).map(viewAttempt);
    const result: z.infer<typeof TriedAlready> = {
      history,
      count: history.length,
      has_more: rows.length > limit,
      warnings,
    };
    return result;
  },
};

const viewAttempt = (row: AttemptRow): Attempt => ({
  run_id: row.run_id,
  agent_id: row.agent_id,
  step_id: row.step_id,
  skill_id: row.skill,
  role: row.role,
  try: row.number,
  ok: row.status === 'succeeded',
  status: row.status ?? 'running',
  ...failureFields(row.failure),
  cost_cents: centsFromMicroCents(row.cost_micro_cents),
  at: row.started_at.toISOString(),
  ...(row.completed_at && { completed_at: row.completed_at.toISOString() }),
});
