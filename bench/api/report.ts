import { spreadOf } from '../measure/statistics.ts';
import { describeAim } from '../report/aims.ts';
import { formatNumber, formatSpread, formatTable } from '../report/table.ts';
import type { Aim } from '../scenarios/scenario.ts';
import type { Series } from './fire.ts';
import { ratioOf } from './paired.ts';
import type { PairedRound, Pairing } from './paired.ts';

export interface MeasuredPairing {
  pairing: Pairing;
  rounds: PairedRound[];
}

/** The aim of a pairing and how its ratio came out; none without an aim. */
export function aimOf({ pairing, rounds }: MeasuredPairing): Aim | undefined {
  const { name, ratioMin: min } = pairing;
  return min === undefined
    ? undefined
    : { what: `${name}, requests/s, ratio`, value: ratioOf(rounds).median, min };
}

/** Requests per second of both sides, then latencies and CPU time of a request; a figure is the median of the rounds. */
export function reportPairings(measured: readonly MeasuredPairing[]): string {
  const speeds = [['requests/s', 'AOS', 'beside', 'AOS / beside', 'aim']];
  const latencies = [
    ['ms', 'p50', 'p95', 'p99', 'CPU', 'beside: p50', 'p95', 'p99', 'CPU', 'p50 / beside'],
  ];
  for (const each of measured) {
    const { pairing, rounds } = each;
    const spread = (of: (round: PairedRound) => number) => formatSpread(spreadOf(rounds.map(of)));
    const aim = aimOf(each);
    speeds.push([
      pairing.name,
      spread(({ target }) => target.requestsPerSecond),
      spread(({ against }) => against.requestsPerSecond),
      formatSpread(ratioOf(rounds)),
      aim === undefined ? '' : describeAim(aim),
    ]);
    const medians = (side: keyof PairedRound): string[] =>
      (['p50Ms', 'p95Ms', 'p99Ms', 'cpuMs'] satisfies (keyof Series)[]).map((key) =>
        formatNumber(spreadOf(rounds.map((round) => round[side][key])).median),
      );
    latencies.push([
      pairing.name,
      ...medians('target'),
      ...medians('against'),
      formatSpread(ratioOf(rounds, 'p50Ms')),
    ]);
  }
  return `${formatTable(speeds)}\n\n${formatTable(latencies)}`;
}
