import { FAILURE_CODES } from '../../contracts/failure-codes.ts';
import { RUN_STATUSES } from '../../contracts/run.ts';
import { cents, id, json, labels, duration, number, oneOf, string, time } from './field.ts';
import type { Source } from './source.ts';

const OUTPUT_STEP = `FROM steps o WHERE o.run_id = r.id AND o.id = r.output_step_id AND o.status = 'succeeded'`;
const OUTPUT_PATH = `'/api/v1/runs/' || r.id || '/steps/' || r.output_step_id || '/output'`;

export const RUNS: Source = {
  description: 'Runs, newest first.',
  from: 'runs r',
  where: 'r.tenant_id = $1',
  agent: 'r.agent_id',
  key: [{ sql: 'r.id', type: 'string' }],
  order: ['created_at'],
  fields: {
    run_id: id('r.id', 'The id of the run.', { isIndexed: true }),
    agent_id: string('r.agent_id', 'The agent that it is of.', { nullable: true, isIndexed: true }),
    key_id: id('r.key_id', 'The key that submitted it.', { nullable: true }),
    goal: string('r.goal', 'The goal, as it was submitted.', { nullable: true }),
    labels: labels('r.labels', { isIndexed: true }),
    status: oneOf('r.status', RUN_STATUSES, 'Where it stands.', { isIndexed: true }),
    execution: number('r.execution', 'How often it was begun, from 1.'),
    budget_cents: cents('r.budget_micro_cents', 'What it may cost.'),
    cost_cents: cents('r.cost_micro_cents', 'What it has cost; 0 until it has ended.'),
    failure_code: oneOf('r.failure_code', Object.keys(FAILURE_CODES), 'Why it did not succeed.', {
      nullable: true,
    }),
    failure: json('r.failure', 'The whole failure.', { nullable: true, isExtra: true }),
    output_step_id: string('r.output_step_id', 'The step whose output is that of the run.', {
      nullable: true,
    }),
    plan_hash: id('r.plan_hash', 'The same for the same plan.', { nullable: true, isExtra: true }),
    traceparent: string('r.traceparent', "The caller's trace.", { nullable: true, isExtra: true }),
    created_at: time('r.created_at', 'When it was submitted.', { isIndexed: true }),
    started_at: time('r.started_at', 'When its first step began.', { nullable: true }),
    completed_at: time('r.completed_at', 'When it ended.', { nullable: true }),
    deadline_at: time('r.deadline_at', 'Until when its steps may take.'),
    cancel_requested_at: time('r.cancel_requested_at', 'When its cancel was recorded.', {
      nullable: true,
    }),
    duration_ms: duration(
      'coalesce(r.started_at, r.created_at)',
      'r.completed_at',
      'How long it took from its start to its end.',
      { nullable: true },
    ),
    queued_ms: duration('r.created_at', 'r.started_at', 'How long it waited for its start.', {
      nullable: true,
    }),
  },
  inputs: [
    { name: 'input', sql: 'r.input', bytes: 'octet_length(r.input)', path: 'NULL::text' },
    { name: 'plan', sql: 'r.plan', bytes: 'octet_length(r.plan)', path: 'NULL::text' },
  ],
  outputs: [
    {
      name: 'output',
      sql: `(SELECT o.output ${OUTPUT_STEP})`,
      bytes: `(SELECT coalesce(o.output_bytes, octet_length(o.output)) ${OUTPUT_STEP})`,
      path: OUTPUT_PATH,
    },
  ],
};
