import { sleep } from '@temporalio/workflow';
import { deliverWebhook as recordedDelivery } from '../../workflows/deliver-webhook.ts';
import { runPlan as recorded } from '../../workflows/run-plan.ts';

/** The workflows with one more command than the histories have: replaying them must not pass. */
export async function runPlan(input: Parameters<typeof recorded>[0]): Promise<unknown> {
  await sleep(1);
  return recorded(input);
}

export async function deliverWebhook(input: Parameters<typeof recordedDelivery>[0]): Promise<void> {
  await sleep(1);
  return recordedDelivery(input);
}
