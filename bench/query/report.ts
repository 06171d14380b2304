import { describeAim } from '../report/aims.ts';
import { formatNumber, formatTable } from '../report/table.ts';
import type { Aim } from '../scenarios/scenario.ts';
import type { PairedLatencies } from './paired.ts';

export interface MeasuredQuestion extends PairedLatencies {
  name: string;
}

const RATIO_MAX = 1.5;

export const aimOf = ({ name, ours, byHand }: MeasuredQuestion): Aim => ({
  what: `${name}, p50, ratio`,
  value: ours.p50Ms / byHand.p50Ms,
  max: RATIO_MAX,
});

/** A line for each question: how long it takes, and how long what one would write by hand does. */
export function reportQuestions(measured: readonly MeasuredQuestion[]): string {
  const head = ['ms', 'AOS p50', 'p99', 'by hand p50', 'p99', 'ratio of p50', 'aim'];
  const rows = measured.map((each) => [
    each.name,
    formatNumber(each.ours.p50Ms),
    formatNumber(each.ours.p99Ms),
    formatNumber(each.byHand.p50Ms),
    formatNumber(each.byHand.p99Ms),
    formatNumber(aimOf(each).value),
    describeAim(aimOf(each)),
  ]);
  return formatTable([head, ...rows]);
}
