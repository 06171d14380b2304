import { condition } from '@temporalio/workflow';
import { abandonStep } from './activities.ts';
import type { Cancellation } from './cancel.ts';
import { isHistoryLong } from './new-history.ts';
import { isLeaving, readyNow } from './progress.ts';
import type { Progress } from './progress.ts';
import { runChain } from './run-chain.ts';
import { runStep } from './run-step.ts';

/** How long running skills may take to notice a cancel before their tries are abandoned. */
const CANCEL_GRACE = '30s';
const CHAIN = '(chain)';

/** While steps are ready, runs them together; returns when nothing is in flight and nothing more is to begin. */
export async function runSteps(progress: Progress, cancellation: Cancellation): Promise<void> {
  const faults: Error[] = [];
  const launch = async (name: string, work: Promise<void>): Promise<void> => {
    progress.inFlight.add(name);
    try {
      await work;
    } catch (error) {
      faults.push(error as Error);
    } finally {
      progress.inFlight.delete(name);
    }
  };
  for (;;) {
    if (faults[0]) throw faults[0];
    progress.isHandingOver ||= isHistoryLong(progress);
    if (!isLeaving(progress)) {
      const { inline, effectful } = readyNow(progress);
      if (inline.length > 0 && !progress.inFlight.has(CHAIN))
        void launch(CHAIN, runChain(progress, inline, cancellation));
      for (const step of effectful.slice(0, progress.input.max_parallel - progress.inFlight.size)) {
        void launch(step.id, runStep(progress, step, cancellation));
      }
    }
    const { size } = progress.inFlight;
    if (size === 0) return;
    if (progress.isCancelled) {
      if (!(await condition(() => progress.inFlight.size === 0, CANCEL_GRACE)))
        await abandonTries(progress);
      return;
    }
    await condition(
      () =>
        progress.inFlight.size < size ||
        progress.isCancelled ||
        progress.isHandingOver !== isHistoryLong(progress),
    );
  }
}

/** Skills that ignore a cancel do not hold up the run: what they cost is presumed. */
async function abandonTries(progress: Progress): Promise<void> {
  const deaf = [...progress.tries.values()].filter((address) =>
    progress.inFlight.has(address.step_id),
  );
  await Promise.all(deaf.map((address) => abandonStep(address)));
}
