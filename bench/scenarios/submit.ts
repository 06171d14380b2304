import { runLoad } from '../measure/load.ts';
import type { Load } from '../measure/load.ts';
import { quantile } from '../measure/statistics.ts';
import { reportSubmit } from '../report/submit-report.ts';
import { IN_FLIGHT } from './comparison.ts';
import { inlinePlan } from './plans.ts';
import type { Bench, ScenarioReport } from './scenario.ts';

export interface SubmitSeries {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface SubmitRound {
  /** The worker is stopped, so that nothing but submits is at work. */
  alone: SubmitSeries;
  /** The worker runs what is submitted meanwhile. */
  atWork: SubmitSeries;
  /** Alone, and one request at a time. */
  single: SubmitSeries;
}

const seriesOf = ({ latenciesMs, elapsedMs }: Load): SubmitSeries => ({
  requestsPerSecond: (latenciesMs.length * 1000) / elapsedMs,
  p50Ms: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
});

/** How fast runs are accepted: from POST to 202. */
export async function benchSubmit(bench: Bench): Promise<ScenarioReport> {
  const { world, recorder, onProgress } = bench;
  const { aos, pids } = world;
  const plan = inlinePlan(10);
  const [many, few] = bench.isQuick ? [100, 10] : [500, 50];

  const submit = async (count: number, inFlight: number, isAlone: boolean) => {
    const runIds: string[] = [];
    if (isAlone) process.kill(pids.worker, 'SIGSTOP');
    try {
      const load = await recorder.record('submit', count, () =>
        runLoad(count, inFlight, async () => void runIds.push(await aos.submit(plan))),
      );
      return seriesOf(load);
    } finally {
      if (isAlone) process.kill(pids.worker, 'SIGCONT');
      await runLoad(count, IN_FLIGHT, async () => void (await aos.awaitEnd(runIds.pop()!)));
    }
  };
  const rounds: SubmitRound[] = [];
  await submit(IN_FLIGHT, IN_FLIGHT, false);
  for (let round = 1; round <= bench.rounds; round += 1) {
    onProgress(`Submit: round ${round} of ${bench.rounds}`);
    rounds.push({
      alone: await submit(many, IN_FLIGHT, true),
      atWork: await submit(many, IN_FLIGHT, false),
      single: await submit(few, 1, true),
    });
  }
  return reportSubmit(rounds);
}
