import { isDeepStrictEqual } from 'node:util';
import type { CreateAgent, UpdateAgent } from '../contracts/agent.ts';
import type { JsonObject } from '../contracts/json.ts';
import { centsOrNull, microCentsFromCents } from '../contracts/money.ts';
import type { AgentRow, AgentSettings } from '../storage/agents.ts';

/** An agent's settings as the API writes them. */
type WrittenSettings = Omit<CreateAgent, 'idempotency_key'>;

const microCentsOf = (cents: number | null): number | null =>
  cents === null ? null : microCentsFromCents(cents);

/** As the table holds them. */
export const toSettings = (written: WrittenSettings): AgentSettings => ({
  name: written.name,
  budget_micro_cents: microCentsOf(written.budget_cents),
  budget_period: written.budget_period,
  allowed_skills: written.allowed_skills,
  allowed_hosts: written.allowed_hosts,
  max_step_cost_micro_cents: microCentsOf(written.max_step_cost_cents),
  max_run_cost_micro_cents: microCentsOf(written.max_run_cost_cents),
  max_concurrent_runs: written.max_concurrent_runs,
  rate_limit_per_minute: written.rate_limit_per_minute,
  labels: written.labels,
});

export const writtenSettingsOf = (row: AgentSettings): WrittenSettings => ({
  name: row.name,
  budget_cents: centsOrNull(row.budget_micro_cents),
  budget_period: row.budget_period,
  allowed_skills: row.allowed_skills,
  allowed_hosts: row.allowed_hosts,
  max_step_cost_cents: centsOrNull(row.max_step_cost_micro_cents),
  max_run_cost_cents: centsOrNull(row.max_run_cost_micro_cents),
  max_concurrent_runs: row.max_concurrent_runs,
  rate_limit_per_minute: row.rate_limit_per_minute,
  labels: row.labels,
});

/** What of a request really changes the agent, to the micro-cent; empty when nothing does. */
export function changesOf(agent: AgentRow, request: UpdateAgent): JsonObject {
  const now = writtenSettingsOf(agent);
  const asked = writtenSettingsOf(toSettings({ ...now, ...defined(request) }));
  const names = Object.keys(now) as (keyof WrittenSettings)[];
  const changed = names.filter((name) => !isDeepStrictEqual(asked[name], now[name]));
  return Object.fromEntries(changed.map((name) => [name, asked[name]]));
}

/** The agent's settings after the changes. */
export const settingsAfter = (agent: AgentRow, changes: JsonObject): AgentSettings =>
  toSettings({ ...writtenSettingsOf(agent), ...changes });

const defined = (request: UpdateAgent): Partial<WrittenSettings> =>
  Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
