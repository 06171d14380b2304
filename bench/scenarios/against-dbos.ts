import { reportComparison } from '../report/comparison-report.ts';
import { startDbosPeer } from '../world/dbos-peer.ts';
import { compare, IN_FLIGHT } from './comparison.ts';
import type { Comparison, Round } from './comparison.ts';
import { inlinePlan } from './plans.ts';
import type { Bench, ScenarioReport } from './scenario.ts';

const STEPS = 50;

/** Long plans of inline steps against DBOS, which records every step in Postgres, on the same Postgres. */
export async function benchDbos(bench: Bench): Promise<ScenarioReport> {
  const { aos } = bench.world;
  const plan = inlinePlan(STEPS);
  const dbos = await startDbosPeer(bench.world, bench.onProgress);
  const comparison: Comparison = {
    name: 'dbos',
    title: `${STEPS} sequential json_transform steps against ${STEPS} steps of DBOS`,
    stepsPerRun: STEPS,
    aos: async () => void (await aos.execute(plan)),
    peer: {
      name: 'DBOS',
      run: () => dbos.execute(STEPS),
      processes: ['postgres', 'dbos', 'client'],
    },
    counts: bench.isQuick ? { inFlight: 60, single: 10 } : { inFlight: 200, single: 40 },
    aims: { stepsPerSecondMin: 1 },
  };
  try {
    const rounds = await compare(bench, comparison);
    assertEveryStepRecorded(await dbos.countSteps(), rounds);
    return reportComparison(comparison, rounds);
  } finally {
    await dbos.stop();
  }
}

/** A peer that did less work than it was asked for would make a poor figure of us. */
function assertEveryStepRecorded(recorded: number, rounds: readonly Round[]): void {
  const runs = rounds.reduce(
    (sum, { inFlight, single }) => sum + inFlight.peer.runs + single.peer.runs,
    IN_FLIGHT,
  );
  if (recorded !== runs * STEPS)
    throw new Error(`DBOS has recorded ${recorded} steps of ${runs} runs of ${STEPS}.`);
}
