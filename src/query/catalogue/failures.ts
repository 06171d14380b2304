import { FAILURE_CODES } from '../../contracts/failure-codes.ts';
import { codeOf, id, json, labels, number, oneOf, string, time } from './field.ts';
import type { Source } from './source.ts';

const OF_RUN = 'r.id AS run_id, r.agent_id, r.labels';
const LEVELS = ['run', 'step', 'try'] as const;

/** The failures of each level; the columns of all are those of the first. */
const PARTS: Readonly<Record<(typeof LEVELS)[number], string>> = {
  run: `SELECT ${OF_RUN}, 'run' AS level, NULL::text AS step_id, NULL::text AS skill, NULL::text AS role,
      NULL::integer AS try, r.failure_code AS code, r.failure, r.completed_at AS at, r.id AS id
    FROM runs r WHERE r.tenant_id = $1 AND r.failure IS NOT NULL`,
  step: `SELECT ${OF_RUN}, 'step' AS level, s.id AS step_id, s.skill, s.role, NULL::integer AS try,
      ${codeOf('s.failure')} AS code, s.failure, s.completed_at AS at, r.id || '/' || s.id AS id
    FROM runs r JOIN steps s ON s.run_id = r.id WHERE r.tenant_id = $1 AND s.failure IS NOT NULL`,
  try: `SELECT ${OF_RUN}, 'try' AS level, s.id AS step_id, s.skill, t.role, t.number AS try, ${codeOf('t.failure')} AS code,
      t.failure, t.completed_at AS at,
      r.id || '/' || s.id || '/' || t.generation || '/' || t.role || '/' || t.number AS id
    FROM runs r JOIN tries t ON t.run_id = r.id JOIN steps s ON s.run_id = r.id AND s.id = t.step_id
    WHERE r.tenant_id = $1 AND t.failure IS NOT NULL`,
};

export const FAILURES: Source = {
  description:
    'Failures, newest first, once for each level that they reached: a try that failed, the step that it failed, the run that ' +
    'the step ended. Ask for one `level`.',
  from: `(${Object.values(PARTS).join(' UNION ALL ')}) f`,
  // The tenant stands in each part.
  where: 'true',
  narrower: LEVELS.map((level) => ({
    field: 'level',
    value: level,
    from: `(${PARTS[level]}) f`,
    where: 'true',
  })),
  agent: 'f.agent_id',
  key: [{ sql: 'f.id', type: 'string' }],
  order: ['at'],
  fields: {
    id: id('f.id', 'Tells it apart.'),
    level: oneOf('f.level', LEVELS, 'What failed.', { isIndexed: true }),
    code: oneOf('f.code', Object.keys(FAILURE_CODES), 'Why.', { nullable: true }),
    failure: json('f.failure', 'The whole failure.', { nullable: true }),
    run_id: id('f.run_id', 'The run that it is of.', { isIndexed: true }),
    step_id: string('f.step_id', 'The step that it is of.', { nullable: true }),
    skill: string('f.skill', "The step's own skill.", { nullable: true }),
    role: oneOf('f.role', ['main', 'fallback', 'compensate'], 'Which call of the step.', {
      nullable: true,
    }),
    try: number('f.try', 'The try of the step.', { nullable: true }),
    agent_id: string('f.agent_id', 'The agent that the run is of.', {
      nullable: true,
      isIndexed: true,
    }),
    labels: labels('f.labels', { isExtra: true }),
    at: time('f.at', 'When it failed.', { nullable: true, isIndexed: true }),
  },
};
