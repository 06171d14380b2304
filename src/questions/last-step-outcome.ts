import { z } from 'zod';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { LastStepOutcome } from '../contracts/question.ts';
import { viewOutput, withheldOf } from '../runs/view-run.ts';
import { readStoredOutput } from '../storage/artifacts.ts';
import { findLastStep } from '../storage/attempts.ts';
import type { LastStepRow } from '../storage/attempts.ts';
import type { Pool } from '../storage/pool.ts';
import { failureFields } from './failure-fields.ts';
import type { Question } from './question.ts';

const NoParams = z.object({});
type Outcome = z.infer<typeof LastStepOutcome>['outcome'];

/** How the step ended that ended last: in the run, or in the newest run. */
export const lastStepOutcome: Question<typeof NoParams> = {
  params: NoParams,
  async answer({ pool }, { key, runs, warnings }) {
    const found = runs && (await findLastStep(pool, key.tenant_id, runs));
    const result: z.infer<typeof LastStepOutcome> = {
      outcome: found?.step ? await viewOutcome(pool, found.step) : null,
      run_id: found?.runId ?? null,
      warnings,
    };
    return result;
  },
};

async function viewOutcome(pool: Pool, row: LastStepRow): Promise<Outcome> {
  const ok = row.status === 'succeeded';
  const stored =
    ok && !row.sensitive ? await readStoredOutput(pool, row.run_id, row.step_id) : undefined;
  return {
    ok,
    run_id: row.run_id,
    step_id: row.step_id,
    skill_id: row.skill,
    status: row.status,
    tries: row.tries,
    ...failureFields(row.failure),
    cost_cents: centsFromMicroCents(row.cost_micro_cents),
    completed_at: row.completed_at.toISOString(),
    ...(stored && { output: viewOutput(row.run_id, row.step_id, stored) }),
    ...withheldOf(row),
  };
}
