import { proxyActivities } from '@temporalio/workflow';
import type { BareActivities } from './activities.ts';

/** The options of AOS's own effectful steps. */
const { noop, call } = proxyActivities<BareActivities>({
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: '5s',
  retry: { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 5_000 },
});

/** Steps one after the other, each reading what the one before returned. */
export async function noopSequence(steps: number): Promise<unknown> {
  let previous: unknown;
  for (let i = 0; i < steps; i += 1) previous = await noop({ i, previous });
  return previous;
}

export async function callSequence(steps: number, url: string): Promise<unknown> {
  let previous: unknown;
  for (let i = 0; i < steps; i += 1) previous = await call({ url });
  return previous;
}

export async function callTogether(steps: number, url: string): Promise<unknown> {
  return Promise.all(Array.from({ length: steps }, () => call({ url })));
}
