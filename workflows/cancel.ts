import {
  allHandlersFinished,
  CancellationScope,
  condition,
  setHandler,
} from '@temporalio/workflow';
import { cancelSignal, cancelUpdate } from '../src/contracts/messages.ts';
import { recordCancel } from './activities.ts';
import type { Progress } from './progress.ts';

export interface Cancellation {
  /** The scope of the calls that a cancel reaches. */
  tries: CancellationScope;
  /** Records a cancel and passes it on to what is running. */
  request(reason: string): Promise<void>;
}

/**
 * Three doors lead to the same cancel: the update, the signal, and Temporal's own cancellation of `root`. It is
 * recorded before anything is stopped, since an outcome `cancelled` needs it.
 */
export function listenForCancel(progress: Progress, root: CancellationScope): Cancellation {
  const { run_id, execution } = progress.input;
  const tries = new CancellationScope();
  const request = (reason: string): Promise<void> =>
    CancellationScope.nonCancellable(async () => {
      if (progress.isCancelled) return;
      // Counted at once: a history does not end before the cancel is recorded.
      progress.cancelsUnderWay += 1;
      await recordCancel({ run_id, execution, reason });
      progress.cancelsUnderWay -= 1;
      progress.isCancelled = true;
      tries.cancel();
    });
  setHandler(cancelUpdate, (message) => request(message.reason));
  setHandler(cancelSignal, (message) => request(message?.reason ?? 'Cancelled by a signal.'));
  void root.cancelRequested.catch(() => request('Cancelled in Temporal.'));
  return { tries, request };
}

/** Waits until every update is answered and every cancel recorded: before that no history may end. */
export const hearEverybody = (progress: Progress): Promise<void> =>
  condition(() => allHandlersFinished() && progress.cancelsUnderWay === 0);
