import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../../src/contracts/json.ts';
import { runLoad } from '../measure/load.ts';
import type { PostgresProbe } from '../measure/postgres-counters.ts';
import { reportTransactions } from '../report/transactions-report.ts';
import { IN_FLIGHT } from './comparison.ts';
import { callPlan, inlinePlan } from './plans.ts';
import type { Bench, ScenarioReport } from './scenario.ts';

/** A backend that has gone idle tells of its commits within 10 s. */
const COMMITS_TOLD_MS = 11_000;
const REST_MS = 5_000;
const RUNS = 50;

/** Transactions of one run, from submit to the client's last read. */
export interface TransactionCounts {
  /** Given an id, so that they wrote or locked. */
  wrote: number;
  notified: number;
  onlyRead: number;
}

export interface PlanTransactions {
  plan: string;
  perRun: TransactionCounts;
}

/** Counts what runs cost in transactions, by the server's own counters; what happens without any run is taken off. */
export async function benchTransactions(bench: Bench): Promise<ScenarioReport> {
  const { probe, aos, noopUrl } = bench.world;
  const plans: [string, Json][] = [
    ['10 json_transform', inlinePlan(10)],
    ['1 http_call', callPlan(1, noopUrl, 'sequential')],
    ['10 sequential http_call', callPlan(10, noopUrl, 'sequential')],
  ];
  const runAll = (plan: Json) =>
    runLoad(RUNS, IN_FLIGHT, async () => void (await aos.execute(plan)));
  const measured: PlanTransactions[] = [];
  for (const [name, plan] of plans) {
    bench.onProgress(`Transactions: writes of ${name}`);
    const { notified, writing } = await countWriting(probe, () => runAll(plan));
    const perRun = { wrote: (writing - notified) / RUNS, notified: notified / RUNS, onlyRead: 0 };
    measured.push({ plan: name, perRun });
  }
  // To hear a notification is a commit of its own.
  await probe.setListening(false);
  bench.onProgress('Transactions: at rest');
  await delay(COMMITS_TOLD_MS);
  const rest = await countReading(probe, () => delay(REST_MS));
  const restPerMs = rest.onlyRead / rest.elapsedMs;
  for (const [index, [name, plan]] of plans.entries()) {
    bench.onProgress(`Transactions: reads of ${name}`);
    const { onlyRead, elapsedMs } = await countReading(probe, async () => {
      await runAll(plan);
      await delay(COMMITS_TOLD_MS);
    });
    measured[index]!.perRun.onlyRead = (onlyRead - restPerMs * elapsedMs) / RUNS;
  }
  await probe.setListening(true);
  return reportTransactions(measured, restPerMs * 1000);
}

async function countWriting(
  probe: PostgresProbe,
  work: () => Promise<unknown>,
): Promise<{ writing: number; notified: number }> {
  const notifiedBefore = probe.notifications();
  const { writingTransactions } = await probe.read();
  await work();
  const writing = (await probe.read()).writingTransactions - writingTransactions;
  return { writing, notified: probe.notifications() - notifiedBefore };
}

/** Commits that were given no id, without the probe's own. */
async function countReading(
  probe: PostgresProbe,
  work: () => Promise<unknown>,
): Promise<{ onlyRead: number; elapsedMs: number }> {
  const startedAt = performance.now();
  const ownBefore = probe.ownCommits();
  const commitsBefore = await probe.readCommits();
  const { writing } = await countWriting(probe, work);
  const commits = (await probe.readCommits()) - commitsBefore;
  const onlyRead = commits - (probe.ownCommits() - ownBefore) - writing;
  return { onlyRead, elapsedMs: performance.now() - startedAt };
}
