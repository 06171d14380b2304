import { LIMIT_GROUPS, LIMIT_TABLE } from '../contracts/limit-table.ts';
import type { LimitEntry, LimitGroup } from '../contracts/limit-table.ts';
import * as LIMITS from '../contracts/limits.ts';
import type { LimitsAnswer, LimitUnit, LimitView } from '../contracts/limits-view.ts';
import { centsOrNull } from '../contracts/money.ts';
import type { Asker, Standing } from './load-standing.ts';

type LimitName = keyof typeof LIMITS;
type Setting = NonNullable<Extract<LimitEntry, { group: LimitGroup }>['setting']>;
/** What the operator has set in place of a constant. */
export type SetLimits = Readonly<Record<Setting, number>>;

const VALUES = new Map<string, number | readonly number[]>(Object.entries(LIMITS));

/** Every limit of the table with the value that it has in this installation. */
export function listLimits(set: SetLimits): LimitsAnswer['groups'] {
  const names = Object.keys(LIMIT_TABLE) as LimitName[];
  const views = names.flatMap((name) => {
    const entry = LIMIT_TABLE[name];
    return 'internal' in entry ? [] : [{ group: entry.group, view: viewLimit(name, entry, set) }];
  });
  return Object.entries(LIMIT_GROUPS).map(([group, description]) => ({
    group,
    description,
    limits: views.filter((each) => each.group === group).map(({ view }) => view),
  }));
}

function viewLimit(
  name: LimitName,
  { appliesTo, setting }: Extract<LimitEntry, { group: LimitGroup }>,
  set: SetLimits,
): LimitView {
  const value = VALUES.get(name)!;
  const shared = { name: name.toLowerCase(), unit: unitOf(name), applies_to: appliesTo };
  if (typeof value !== 'number') return { ...shared, value: [...value] };
  if (setting === undefined) return { ...shared, value };
  return { ...shared, value: set[setting], setting, default: value };
}

/** The words that constants carry their unit in, the first one that is there. */
const UNITS: readonly (readonly [word: string, unit: LimitUnit])[] = [
  ['BYTES', 'bytes'],
  ['MS', 'ms'],
  ['CENTS', 'cents'],
  ['PERCENT', 'percent'],
  ['LENGTH', 'characters'],
  ['CHARS', 'characters'],
  ['TOKENS', 'tokens'],
  ['MINUTE', 'per_minute'],
];

const unitOf = (name: string): LimitUnit => {
  const words = name.split('_');
  return UNITS.find(([word]) => words.includes(word))?.[1] ?? 'count';
};

/** What limits the key of a request, and the agent that it asks about. */
export const ownLimits = (
  { key, rate }: Asker,
  { agent, rates, budgets, concurrency }: Standing,
): LimitsAnswer['yours'] => ({
  key: {
    id: key.id,
    rate_limit_per_minute: rate.perMinute,
    rate_limit_source: key.rate_limit_per_minute === null ? 'AOS_RATE_LIMIT_PER_MINUTE' : 'key',
    agent_id: key.agent_id,
  },
  agent: agent
    ? {
        agent_id: agent.id,
        allowed_skills: agent.allowed_skills,
        allowed_hosts: agent.allowed_hosts,
        max_step_cost_cents: centsOrNull(agent.max_step_cost_micro_cents),
        max_run_cost_cents: centsOrNull(agent.max_run_cost_micro_cents),
        max_concurrent_runs: agent.max_concurrent_runs,
        rate_limit_per_minute: agent.rate_limit_per_minute,
      }
    : null,
  rates,
  budgets,
  concurrency,
});
