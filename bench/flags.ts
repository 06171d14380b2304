import { parseArgs } from 'node:util';

export const SCENARIOS = [
  'inline',
  'dbos',
  'sequential',
  'parallel',
  'transactions',
  'cap-race',
  'submit',
] as const;
/** It waits a minute for Postgres to tell of its commits. */
const NOT_QUICK: readonly string[] = ['transactions'];
export type ScenarioName = (typeof SCENARIOS)[number];

export interface Flags {
  rounds: number;
  only: readonly ScenarioName[];
  /** Fewer rounds and shorter series: to look, not to quote. */
  quick: boolean;
  profile: boolean;
  json: string | undefined;
}

export const USAGE = `npm run bench [-- FLAGS]

  --rounds N     rounds of each comparison (default 5; 2 with --quick)
  --only NAMES   comma-separated: ${SCENARIOS.join(', ')}
  --quick        short series, without transactions, two or three minutes on an idle machine: to look, not to quote
  --profile      CPU profiles of api and worker, statements of Postgres; figures are then worse
  --json FILE    writes every figure of every round`;

/** Throws an error that says what is wrong with the command line. */
export function readFlags(args: string[]): Flags | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error('--rounds takes a whole number from 1.');
  const names =
    values.only?.split(',') ??
    SCENARIOS.filter((name) => !values.quick || !NOT_QUICK.includes(name));
  const unknown = names.find((name) => !SCENARIOS.some((known) => known === name));
  if (unknown !== undefined)
    throw new Error(`--only: there is no "${unknown}"; there are ${SCENARIOS.join(', ')}.`);
  return {
    rounds,
    only: names as ScenarioName[],
    quick: values.quick,
    profile: values.profile,
    json: values.json,
  };
}
