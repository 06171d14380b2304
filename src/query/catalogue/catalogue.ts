import type { QuerySource } from '../../contracts/typed-query.ts';
import { AGENTS } from './agents.ts';
import { EVENTS } from './events.ts';
import { FAILURES } from './failures.ts';
import { RUNS } from './runs.ts';
import type { Source } from './source.ts';
import { STEPS } from './steps.ts';
import { TRANSACTIONS } from './transactions.ts';

/** Everything that can be asked about, and every field of it. */
export const CATALOGUE: Readonly<Record<QuerySource, Source>> = {
  runs: RUNS,
  steps: STEPS,
  transactions: TRANSACTIONS,
  failures: FAILURES,
  events: EVENTS,
  agents: AGENTS,
};
