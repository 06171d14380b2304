import { spreadOf } from '../measure/statistics.ts';
import type { CapRaceRound } from '../scenarios/cap-race.ts';
import type { Aim, ScenarioReport } from '../scenarios/scenario.ts';
import { describeAim } from './aims.ts';
import { formatSpread, formatTable } from './table.ts';

const RATIO_MIN = 0.5;

export function reportCapRace(rounds: readonly CapRaceRound[]): ScenarioReport {
  const ratio = (ours: keyof CapRaceRound, theirs: keyof CapRaceRound) =>
    spreadOf(
      rounds.map((round) => round[ours].decisionsPerSecond / round[theirs].decisionsPerSecond),
    );
  const aim: Aim = {
    what: '1,000 admitted hold-and-settle pairs against one plain guarded UPDATE each, per second, ratio',
    value: ratio('statementPairs', 'updateHolds').median,
    min: RATIO_MIN,
  };
  const row = (name: string, key: keyof CapRaceRound, ...rest: [string, string]): string[] => [
    name,
    String(rounds[0]![key].admitted),
    formatSpread(spreadOf(rounds.map((round) => round[key].decisionsPerSecond))),
    formatSpread(spreadOf(rounds.map((round) => round[key].p99Ms))),
    ...rest,
  ];
  const table = formatTable([
    ['', 'admitted', 'per second', 'p99 ms', 'of the plain UPDATE', 'aim'],
    row(
      'ledger, 500-cent cap',
      'ledgerCap',
      formatSpread(ratio('ledgerCap', 'updateCap')),
      'exactly 50: met',
    ),
    row('plain UPDATE, 500-cent cap', 'updateCap', '', ''),
    row(
      'ledger, hold and settle, a statement each',
      'statementPairs',
      formatSpread(ratio('statementPairs', 'updateHolds')),
      describeAim(aim),
    ),
    row(
      'ledger, hold and settle, a transaction each',
      'ledgerPairs',
      formatSpread(ratio('ledgerPairs', 'updateHolds')),
      '',
    ),
    row('plain UPDATE, hold alone', 'updateHolds', '', ''),
    row('plain UPDATE, hold and settle', 'updatePairs', '', ''),
  ]);
  const text = `1,000 holds of 10 cents at once on one account, from 4 processes; a pair counts as one decision\n${table}`;
  return { text, aims: [aim], figures: rounds };
}
