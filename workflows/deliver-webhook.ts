import { continueAsNew, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import { webhookQueueOf } from '../src/contracts/messages.ts';
import type { DeliverWebhook, WebhookActivities } from '../src/contracts/webhook-activities.ts';

/** Delivers one event to one endpoint: attempts, with pauses, until its row says that it is over. */
export async function deliverWebhook(input: DeliverWebhook): Promise<void> {
  const { attemptDelivery } = proxyActivities<WebhookActivities>({
    taskQueue: webhookQueueOf(workflowInfo().taskQueue),
    startToCloseTimeout: '2 minutes',
    heartbeatTimeout: '5s',
    retry: { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 5_000 },
  });
  for (;;) {
    const reply = await attemptDelivery(input);
    if (reply.kind === 'over') return;
    await sleep(reply.delay_ms);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deliverWebhook>(input);
  }
}
