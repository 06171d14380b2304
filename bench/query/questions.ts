import type { JsonObject } from '../../src/contracts/json.ts';
import { AGENT, TENANT } from './rows.ts';

/** A question in the typed language, and the SQL that one would write for it by hand. */
export interface BenchQuestion {
  name: string;
  ask: JsonObject;
  sql: string;
  values: unknown[];
}

/** What the questions are about: a run that is there, and the time. */
export interface Subject {
  runId: string;
  now: Date;
}

const HOUR_MS = 3_600_000;
const is = (field: string, value: string): JsonObject => ({ field, op: 'eq', value });
const desc = (field: string): JsonObject[] => [{ field, direction: 'desc' }];

/** Twenty questions as people and agents ask them. */
export function benchQuestions({ runId, now }: Subject): BenchQuestion[] {
  const ago = (hours: number): string => new Date(now.getTime() - hours * HOUR_MS).toISOString();
  const since = (field: string, hours: number): JsonObject => ({
    field,
    op: 'gte',
    value: ago(hours),
  });
  const runs = ['run_id', 'status', 'created_at', 'cost_cents'];
  const RUN =
    'SELECT id, status, created_at, cost_micro_cents / 1e6::float8 AS cost FROM runs WHERE tenant_id = $1';
  const NEWEST = 'ORDER BY created_at DESC, id DESC LIMIT 51';
  const DAY = `date_trunc('day', x.at, 'UTC')`;
  const SPENT = 'sum(x.settled_change_micro_cents + x.overage_change_micro_cents)::float8';
  const COSTS = `FROM runs r JOIN transactions x ON x.run_id = r.id AND x.account_id = r.account_id`;
  const spent: JsonObject[] = [{ fn: 'sum', field: 'spent_cents', as: 'spent' }];
  const isCost: JsonObject = { field: 'is_cost', op: 'eq', value: true };
  return [
    {
      name: 'newest runs',
      ask: { from: 'runs', select: runs },
      sql: `${RUN} ${NEWEST}`,
      values: [TENANT],
    },
    {
      name: 'newest runs that failed',
      ask: { from: 'runs', select: runs, where: is('status', 'failed') },
      sql: `${RUN} AND status = 'failed' ${NEWEST}`,
      values: [TENANT],
    },
    {
      name: 'newest runs of an agent',
      ask: { from: 'runs', select: runs, where: is('agent_id', AGENT) },
      sql: `${RUN} AND agent_id = $2 ${NEWEST}`,
      values: [TENANT, AGENT],
    },
    {
      name: 'runs of an agent that failed with a code',
      ask: {
        from: 'runs',
        select: runs,
        where: { and: [is('agent_id', AGENT), is('failure_code', 'TIMEOUT')] },
      },
      sql: `${RUN} AND agent_id = $2 AND failure_code = $3 ${NEWEST}`,
      values: [TENANT, AGENT, 'TIMEOUT'],
    },
    {
      name: 'newest runs with two labels',
      ask: {
        from: 'runs',
        select: runs,
        where: { and: [is('labels.team', 'team 4'), is('labels.env', 'test')] },
      },
      sql: `${RUN} AND labels @> $2 ${NEWEST}`,
      values: [TENANT, { team: 'team 4', env: 'test' }],
    },
    {
      name: 'runs by status, all',
      ask: { from: 'runs', group_by: ['status'] },
      sql: 'SELECT status, count(*) FROM runs WHERE tenant_id = $1 GROUP BY status ORDER BY status',
      values: [TENANT],
    },
    {
      name: 'runs by status, a day',
      ask: { from: 'runs', where: since('created_at', 24), group_by: ['status'] },
      sql: 'SELECT status, count(*) FROM runs WHERE tenant_id = $1 AND created_at >= $2 GROUP BY status ORDER BY status',
      values: [TENANT, ago(24)],
    },
    {
      name: 'failures of runs by code, a week',
      ask: {
        from: 'failures',
        where: { and: [is('level', 'run'), since('at', 168)] },
        group_by: ['code'],
      },
      sql: `SELECT failure_code, count(*) FROM runs WHERE tenant_id = $1 AND failure IS NOT NULL AND completed_at >= $2
        GROUP BY failure_code ORDER BY failure_code`,
      values: [TENANT, ago(168)],
    },
    {
      name: 'failures of steps by skill, a day',
      ask: {
        from: 'failures',
        where: { and: [is('level', 'step'), since('at', 24)] },
        group_by: ['skill'],
      },
      sql: `SELECT s.skill, count(*) FROM runs r JOIN steps s ON s.run_id = r.id
        WHERE r.tenant_id = $1 AND s.failure IS NOT NULL AND s.completed_at >= $2 GROUP BY s.skill ORDER BY s.skill`,
      values: [TENANT, ago(24)],
    },
    {
      name: 'spend by skill by day, a week',
      ask: {
        from: 'transactions',
        where: { and: [isCost, since('at', 168)] },
        group_by: ['skill', { field: 'at', bucket: 'day' }],
        aggregates: spent,
      },
      sql: `SELECT s.skill, ${DAY} AS day, ${SPENT} ${COSTS} LEFT JOIN steps s ON s.run_id = x.run_id AND s.id = x.step_id
        WHERE r.tenant_id = $1 AND x.kind IN ('settle', 'adjust') AND x.at >= $2 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 51`,
      values: [TENANT, ago(168)],
    },
    {
      name: 'spend by agent, all',
      ask: { from: 'transactions', where: isCost, group_by: ['agent_id'], aggregates: spent },
      sql: `SELECT r.agent_id, ${SPENT} ${COSTS} WHERE r.tenant_id = $1 AND x.kind IN ('settle', 'adjust')
        GROUP BY 1 ORDER BY 1 LIMIT 51`,
      values: [TENANT],
    },
    {
      name: 'spend by a label, a day',
      ask: {
        from: 'transactions',
        where: { and: [isCost, since('at', 24)] },
        group_by: ['labels.team'],
        aggregates: spent,
      },
      sql: `SELECT r.labels ->> 'team', ${SPENT} ${COSTS} WHERE r.tenant_id = $1 AND x.kind IN ('settle', 'adjust') AND x.at >= $2
        GROUP BY 1 ORDER BY 1 LIMIT 51`,
      values: [TENANT, ago(24)],
    },
    {
      name: 'p95 of step duration by skill, all',
      ask: {
        from: 'steps',
        group_by: ['skill'],
        aggregates: [{ fn: 'p95', field: 'duration_ms' }],
      },
      sql: `SELECT s.skill, percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.completed_at - s.started_at)::float8 * 1000)
        FROM runs r JOIN steps s ON s.run_id = r.id WHERE r.tenant_id = $1 GROUP BY s.skill ORDER BY s.skill`,
      values: [TENANT],
    },
    {
      name: 'p95 of step duration by skill, a day',
      ask: {
        from: 'steps',
        where: since('run_created_at', 24),
        group_by: ['skill'],
        aggregates: [{ fn: 'p95', field: 'duration_ms' }],
      },
      sql: `SELECT s.skill, percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.completed_at - s.started_at)::float8 * 1000)
        FROM runs r JOIN steps s ON s.run_id = r.id WHERE r.tenant_id = $1 AND r.created_at >= $2 GROUP BY s.skill ORDER BY s.skill`,
      values: [TENANT, ago(24)],
    },
    {
      name: 'run duration by day, a week',
      ask: {
        from: 'runs',
        where: since('created_at', 168),
        group_by: [{ field: 'created_at', bucket: 'day' }],
        aggregates: [
          { fn: 'count' },
          { fn: 'avg', field: 'duration_ms' },
          { fn: 'p99', field: 'duration_ms' },
        ],
      },
      sql: `SELECT date_trunc('day', created_at, 'UTC'), count(*), avg(extract(epoch FROM completed_at - started_at) * 1000)::float8,
          percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)::float8 * 1000)
        FROM runs WHERE tenant_id = $1 AND created_at >= $2 GROUP BY 1 ORDER BY 1`,
      values: [TENANT, ago(168)],
    },
    {
      name: 'slowest runs, a day',
      ask: {
        from: 'runs',
        select: [...runs, 'duration_ms'],
        where: since('created_at', 24),
        order_by: desc('duration_ms'),
      },
      sql: `SELECT id, status, created_at, cost_micro_cents / 1e6::float8, extract(epoch FROM completed_at - started_at)::float8 * 1000 AS ms
        FROM runs WHERE tenant_id = $1 AND created_at >= $2 ORDER BY ms DESC NULLS LAST, id DESC LIMIT 51`,
      values: [TENANT, ago(24)],
    },
    {
      name: 'steps of a run',
      ask: {
        from: 'steps',
        select: ['step_id', 'skill', 'status', 'duration_ms'],
        where: is('run_id', runId),
        order_by: [{ field: 'index' }],
      },
      sql: `SELECT s.id, s.skill, s.status, extract(epoch FROM s.completed_at - s.started_at)::float8 * 1000
        FROM runs r JOIN steps s ON s.run_id = r.id WHERE r.tenant_id = $1 AND r.id = $2 ORDER BY s.index LIMIT 51`,
      values: [TENANT, runId],
    },
    {
      name: 'events of a run',
      ask: {
        from: 'events',
        select: ['number', 'type', 'at', 'data'],
        where: is('run_id', runId),
        order_by: [{ field: 'number' }],
      },
      sql: 'SELECT number, type, at, data FROM events WHERE tenant_id = $1 AND run_id = $2 ORDER BY number LIMIT 51',
      values: [TENANT, runId],
    },
    {
      name: 'newest events of a type',
      ask: {
        from: 'events',
        select: ['run_id', 'type', 'at', 'data'],
        where: is('type', 'step.succeeded'),
      },
      sql: `SELECT run_id, type, at, data FROM events WHERE tenant_id = $1 AND type = $2
        ORDER BY transaction DESC, position DESC LIMIT 51`,
      values: [TENANT, 'step.succeeded'],
    },
    {
      name: 'events by type, an hour',
      ask: { from: 'events', where: since('at', 1), group_by: ['type'] },
      sql: 'SELECT type, count(*) FROM events WHERE tenant_id = $1 AND at >= $2 GROUP BY type ORDER BY type',
      values: [TENANT, ago(1)],
    },
  ];
}
