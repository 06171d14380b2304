import { isMet } from '../scenarios/scenario.ts';
import type { Aim } from '../scenarios/scenario.ts';
import { formatNumber } from './table.ts';

export const describeAim = (aim: Aim): string => {
  const bound =
    aim.min === undefined ? `≤ ${formatNumber(aim.max!)}` : `≥ ${formatNumber(aim.min)}`;
  return `${bound}: ${isMet(aim) ? 'met' : 'MISSED'}`;
};

/** What was aimed at and what came of it, a line each. */
export function reportAims(
  aims: readonly Aim[],
  whyMissed = 'npm run bench -- --profile --only NAME',
): string {
  const lines = aims.map(
    (aim) => `  ${aim.what}: ${formatNumber(aim.value)}, aim ${describeAim(aim)}`,
  );
  if (aims.every(isMet)) return `Aims\n${lines.join('\n')}`;
  return `Aims\n${lines.join('\n')}\n  Why one is missed: ${whyMissed}`;
}
