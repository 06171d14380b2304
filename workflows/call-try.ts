import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import type { TryAddress, TryReply } from '../src/contracts/activities.ts';
import { abandonStep, executeStep } from './activities.ts';

/**
 * One try, which a cancel of `scope` reaches. The row decides: when the activity ends without a value, what stands in
 * Postgres is the reply.
 */
export async function callTry(
  address: TryAddress,
  skill: string,
  deadlineAtMs: number,
  scope?: CancellationScope,
): Promise<TryReply> {
  const call = () => executeStep(address, skill, deadlineAtMs);
  try {
    return await (scope ? scope.run(call) : call());
  } catch (error) {
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    return abandonStep(address);
  }
}
