import { reportComparison } from '../report/comparison-report.ts';
import type { ProcessName } from '../world/world.ts';
import { compare } from './comparison.ts';
import type { Comparison } from './comparison.ts';
import { callPlan, inlinePlan } from './plans.ts';
import type { Bench, ScenarioReport } from './scenario.ts';

const STEPS = 10;
const BARE = 'bare Temporal';
const BARE_PROCESSES: readonly ProcessName[] = ['temporal', 'bare worker', 'client'];

/** Inline steps against a workflow of no-op activities on the same server, with the same settings. */
export async function benchInline(bench: Bench): Promise<ScenarioReport> {
  const { aos, bare } = bench.world;
  const plan = inlinePlan(STEPS);
  const comparison: Comparison = {
    name: 'inline',
    title: `${STEPS} sequential json_transform steps against ${STEPS} no-op activities`,
    stepsPerRun: STEPS,
    aos: async () => void (await aos.execute(plan)),
    peer: {
      name: BARE,
      run: async () => void (await bare.execute('noopSequence', STEPS)),
      processes: BARE_PROCESSES,
    },
    counts: bench.isQuick ? { inFlight: 60, single: 10 } : { inFlight: 200, single: 50 },
    aims: { stepsPerSecondMin: 3, p50Max: 0.4 },
  };
  return reportComparison(comparison, await compare(bench, comparison));
}

/** Calls that cost money, held, settled and recorded, against activities that make the same calls. */
async function benchCalls(bench: Bench, order: 'sequential' | 'parallel'): Promise<ScenarioReport> {
  const { aos, bare, noopUrl } = bench.world;
  const plan = callPlan(STEPS, noopUrl, order);
  const workflow = order === 'parallel' ? 'callTogether' : 'callSequence';
  const comparison: Comparison = {
    name: order,
    title: `${STEPS} ${order} http_call steps against ${STEPS} activities that make the same calls`,
    stepsPerRun: STEPS,
    aos: async () => void (await aos.execute(plan)),
    peer: {
      name: BARE,
      run: async () => void (await bare.execute(workflow, STEPS, noopUrl)),
      processes: BARE_PROCESSES,
    },
    counts: bench.isQuick ? { inFlight: 50, single: 10 } : { inFlight: 150, single: 40 },
    aims: { stepsPerSecondMin: order === 'parallel' ? 0.7 : 0.8 },
  };
  return reportComparison(comparison, await compare(bench, comparison));
}

export const benchSequentialCalls = (bench: Bench): Promise<ScenarioReport> =>
  benchCalls(bench, 'sequential');

export const benchParallelCalls = (bench: Bench): Promise<ScenarioReport> =>
  benchCalls(bench, 'parallel');
