import { spreadOf } from '../measure/statistics.ts';
import type { ScenarioReport } from '../scenarios/scenario.ts';
import type { SubmitRound } from '../scenarios/submit.ts';
import { formatSpread, formatTable } from './table.ts';

export function reportSubmit(rounds: readonly SubmitRound[]): ScenarioReport {
  const row = (name: string, key: keyof SubmitRound): string[] => {
    const series = rounds.map((round) => round[key]);
    return [
      name,
      formatSpread(spreadOf(series.map(({ requestsPerSecond }) => requestsPerSecond))),
      formatSpread(spreadOf(series.map(({ p50Ms }) => p50Ms))),
      formatSpread(spreadOf(series.map(({ p99Ms }) => p99Ms))),
    ];
  };
  const table = formatTable([
    ['POST /api/v1/runs to 202', 'requests/s', 'p50 ms', 'p99 ms'],
    row('50 in flight, worker stopped', 'alone'),
    row('50 in flight, worker at work', 'atWork'),
    row('one at a time, worker stopped', 'single'),
  ]);
  return {
    text: `Submit alone, plans of 10 json_transform steps\n${table}`,
    aims: [],
    figures: rounds,
  };
}
