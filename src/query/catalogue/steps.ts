import { FAILURE_CODES } from '../../contracts/failure-codes.ts';
import { COMPENSATION_STATUSES, RUN_STATUSES, STEP_STATUSES } from '../../contracts/run.ts';
import {
  boolean,
  cents,
  codeOf,
  id,
  json,
  labels,
  list,
  duration,
  number,
  oneOf,
  string,
  time,
} from './field.ts';
import type { Source } from './source.ts';

const PATH = `'/api/v1/runs/' || r.id || '/steps/' || s.id`;
const DONE = `CASE WHEN s.status = 'succeeded'`;

export const STEPS: Source = {
  description: 'Steps of runs, those of the newest runs first.',
  from: 'runs r JOIN steps s ON s.run_id = r.id',
  where: 'r.tenant_id = $1',
  agent: 'r.agent_id',
  key: [
    { sql: 'r.id', type: 'string' },
    { sql: 's.index', type: 'whole' },
  ],
  order: ['run_created_at'],
  fields: {
    run_id: id('r.id', 'The run that it is of.', { isIndexed: true }),
    step_id: string('s.id', 'Its id in the plan.'),
    index: number('s.index', 'Its place in the plan, from 0.'),
    skill: string('s.skill', 'The skill that it calls.'),
    status: oneOf('s.status', STEP_STATUSES, 'Where it stands.'),
    inline: boolean('s.inline', 'Whether it is computed without a call outside.'),
    sensitive: boolean(
      's.sensitive',
      'Whether its output is kept sealed, and shown in no answer but its own.',
    ),
    role: oneOf('s.role', ['main', 'fallback'], 'Whether its fallback has taken over.'),
    tries: number('s.tries', 'How many calls were made for it.'),
    depends_on: list('s.depends_on', 'The steps that come before it.'),
    cost_cents: cents('s.cost_micro_cents', 'What it has cost so far.'),
    output_bytes: number('s.output_bytes', 'How large its output is.', { nullable: true }),
    failure_code: oneOf(
      codeOf('s.failure'),
      Object.keys(FAILURE_CODES),
      'Why it did not succeed.',
      {
        nullable: true,
      },
    ),
    failure: json('s.failure', 'The whole failure.', { nullable: true, isExtra: true }),
    compensation: oneOf('s.compensation', COMPENSATION_STATUSES, 'How far it is undone.', {
      nullable: true,
    }),
    started_at: time('s.started_at', 'When it began.', { nullable: true }),
    completed_at: time('s.completed_at', 'When it ended.', { nullable: true }),
    duration_ms: duration(
      's.started_at',
      's.completed_at',
      'How long it took, tries and pauses between them included.',
      { nullable: true },
    ),
    agent_id: string('r.agent_id', 'The agent that its run is of.', {
      nullable: true,
      isIndexed: true,
    }),
    labels: labels('r.labels', { isIndexed: true, isExtra: true }),
    run_status: oneOf('r.status', RUN_STATUSES, 'Where its run stands.', { isIndexed: true }),
    run_created_at: time('r.created_at', 'When its run was submitted.', { isIndexed: true }),
  },
  inputs: [
    { name: 'params', sql: 's.spec', bytes: 'octet_length(s.spec)', path: PATH, part: 'params' },
  ],
  outputs: [
    {
      name: 'output',
      sql: `${DONE} THEN s.output END`,
      bytes: `${DONE} THEN coalesce(s.output_bytes, octet_length(s.output)) END`,
      path: `${PATH} || '/output'`,
    },
  ],
};
