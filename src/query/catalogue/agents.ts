import { AGENT_STATUSES } from '../../contracts/agent.ts';
import { BUDGET_PERIODS } from '../../contracts/budget.ts';
import { cents, id, labels, list, number, oneOf, string, time } from './field.ts';
import type { Source } from './source.ts';

export const AGENTS: Source = {
  description: 'Agents, newest first.',
  from: 'agents a',
  where: 'a.tenant_id = $1',
  agent: 'a.id',
  key: [{ sql: 'a.id', type: 'string' }],
  order: ['created_at'],
  fields: {
    agent_id: id('a.id', 'The id of the agent.', { isIndexed: true }),
    name: string('a.name', 'Its name.'),
    status: oneOf('a.status', AGENT_STATUSES, 'Whether it takes new runs.'),
    budget_cents: cents('a.budget_micro_cents', 'What its runs may cost together.', {
      nullable: true,
    }),
    budget_period: oneOf('a.budget_period', BUDGET_PERIODS, 'How often its budget starts again.'),
    allowed_skills: list('a.allowed_skills', 'Skills that it may use; null allows all.', {
      nullable: true,
    }),
    allowed_hosts: list('a.allowed_hosts', 'Hosts that it may reach; null allows all.', {
      nullable: true,
    }),
    max_step_cost_cents: cents('a.max_step_cost_micro_cents', 'What one call may cost.', {
      nullable: true,
    }),
    max_run_cost_cents: cents('a.max_run_cost_micro_cents', 'What one run may cost.', {
      nullable: true,
    }),
    max_concurrent_runs: number('a.max_concurrent_runs', 'How many runs may be open at once.', {
      nullable: true,
    }),
    rate_limit_per_minute: number('a.rate_limit_per_minute', 'Requests in a minute.', {
      nullable: true,
    }),
    labels: labels('a.labels'),
    created_at: time('a.created_at', 'When it was made.', { isIndexed: true }),
    updated_at: time('a.updated_at', 'When it was changed last.'),
    archived_at: time('a.archived_at', 'When it was archived.', { nullable: true }),
  },
};
