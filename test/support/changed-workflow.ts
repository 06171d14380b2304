import { sleep } from '@temporalio/workflow';
import { runPlan as recorded } from '../../workflows/run-plan.ts';

/** The workflow with one more command than the histories have: replaying them must not pass. */
export async function runPlan(input: Parameters<typeof recorded>[0]): Promise<unknown> {
  await sleep(1);
  return recorded(input);
}
