import { Context } from '@temporalio/activity';
import type { ActivityName } from '../src/contracts/activities.ts';
import { OutcomeNotMine } from '../src/runs/tries/finish-try.ts';
import type { Metrics } from '../src/telemetry/instruments.ts';

/** Times an activity: how long it was due before it began, and how long it took. */
export const withMeasures =
  <I, O>(metrics: Metrics, activity: ActivityName, work: (input: I) => Promise<O>) =>
  async (input: I): Promise<O> => {
    const { isLocal, currentAttemptScheduledTimestampMs: dueMs } = Context.current().info;
    // The clocks of two machines may differ by more than the delay.
    if (!isLocal) metrics.activityBegan(activity, Math.max(0, Date.now() - dueMs) / 1000);
    const startedMs = performance.now();
    const report = (result: 'done' | 'given_back' | 'failed'): void =>
      metrics.activityEnded({ activity, result, seconds: (performance.now() - startedMs) / 1000 });
    try {
      const reply = await work(input);
      report('done');
      return reply;
    } catch (error) {
      report(error instanceof OutcomeNotMine ? 'given_back' : 'failed');
      throw error;
    }
  };
