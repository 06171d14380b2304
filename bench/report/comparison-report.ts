import type { Batch } from '../measure/batch.ts';
import { spreadOf } from '../measure/statistics.ts';
import { IN_FLIGHT } from '../scenarios/comparison.ts';
import type { Comparison, Round } from '../scenarios/comparison.ts';
import type { Aim, ScenarioReport } from '../scenarios/scenario.ts';
import type { ProcessName } from '../world/world.ts';
import { describeAim } from './aims.ts';
import { formatNumber, formatSpread, formatTable } from './table.ts';

type Side = (round: Round) => Batch;
type Bounds = Pick<Aim, 'min' | 'max'>;

const PROCESSES: readonly ProcessName[] = [
  'postgres',
  'temporal',
  'api',
  'worker',
  'bare worker',
  'dbos',
  'client',
];

/** Speed and cost of both sides; a ratio is the median of the rounds' own ratios. */
export function reportComparison(comparison: Comparison, rounds: readonly Round[]): ScenarioReport {
  const { title, stepsPerRun, peer, aims } = comparison;
  const table = [['', 'AOS', peer.name, 'AOS / peer', 'aim']];
  const reported: Aim[] = [];
  const add = (
    what: string,
    mode: keyof Round,
    of: (batch: Batch) => number,
    bounds: Bounds = {},
  ) => {
    const spread = (value: (round: Round) => number) => spreadOf(rounds.map(value));
    const ratio = spread((round) => of(round[mode].aos) / of(round[mode].peer));
    const aim: Aim = { what: `${title}, ${what}, ratio`, value: ratio.median, ...bounds };
    const hasAim = aim.min !== undefined || aim.max !== undefined;
    if (hasAim) reported.push(aim);
    const cells = [
      spread((round) => of(round[mode].aos)),
      spread((round) => of(round[mode].peer)),
      ratio,
    ];
    table.push([what, ...cells.map(formatSpread), hasAim ? describeAim(aim) : '']);
  };
  const { stepsPerSecondMin: min, p50Max: max } = aims;
  const perSecond = (batch: Batch): number => batch.runsPerSecond * stepsPerRun;
  add(`${IN_FLIGHT} in flight, steps/s`, 'inFlight', perSecond, min === undefined ? {} : { min });
  add(`${IN_FLIGHT} in flight, run p50 ms`, 'inFlight', ({ p50Ms }) => p50Ms);
  add(`${IN_FLIGHT} in flight, run p99 ms`, 'inFlight', ({ p99Ms }) => p99Ms);
  add(
    'one at a time, run p50 ms',
    'single',
    ({ p50Ms }) => p50Ms,
    max === undefined ? {} : { max },
  );
  add('one at a time, run p99 ms', 'single', ({ p99Ms }) => p99Ms);
  return {
    text: `${title}\n${formatTable(table)}\n\n${costTable(peer.name, stepsPerRun, rounds)}`,
    aims: reported,
    figures: { title, rounds },
  };
}

function costTable(peerName: string, stepsPerRun: number, rounds: readonly Round[]): string {
  const sides: [string, Side][] = [
    [`AOS, ${IN_FLIGHT} in flight`, (round) => round.inFlight.aos],
    [peerName, (round) => round.inFlight.peer],
    ['AOS, one at a time', (round) => round.single.aos],
    [peerName, (round) => round.single.peer],
  ];
  const table = [['medians', ...sides.map(([name]) => name)]];
  const add = (what: string, of: (batch: Batch) => number | undefined): void => {
    const cells = sides.map(([, side]) => {
      const values = rounds.map(side).flatMap((batch) => {
        const value = of(batch);
        return value === undefined ? [] : [value / (batch.runs * stepsPerRun)];
      });
      return values.length === 0 ? '' : formatNumber(spreadOf(values).median);
    });
    if (cells.some((cell) => cell !== '')) table.push([what, ...cells]);
  };
  const perThousand = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : seconds * 1000;
  for (const name of PROCESSES)
    add(`CPU s per 1,000 steps, ${name}`, ({ cpuSeconds }) => perThousand(cpuSeconds[name]));
  add('CPU s per 1,000 steps, all', ({ cpuSeconds }) =>
    perThousand(Object.values(cpuSeconds).reduce((sum, seconds) => sum + seconds, 0)),
  );
  add('WAL bytes per step', ({ walBytes }) => walBytes);
  add('writing transactions per step', ({ writingTransactions }) => writingTransactions);
  add('notifications per step', ({ notifications }) => notifications);
  return formatTable(table);
}
