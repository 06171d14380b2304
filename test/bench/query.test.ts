import { expect, test } from '@jest/globals';
import { benchQuestions } from '../../bench/query/questions.ts';
import { measurePair } from '../../bench/query/paired.ts';
import { aimOf, reportQuestions } from '../../bench/query/report.ts';
import { fillDatabase, TENANT } from '../../bench/query/rows.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { runQuery } from '../../src/query/run-query.ts';
import { createTestDatabase } from '../support/database.ts';

test('a ratio is that of the medians, and is met or missed', () => {
  const latencies = (p50Ms: number) => ({ p50Ms, p99Ms: 9, calls: 10 });
  const measured = { name: 'runs', ours: latencies(3), byHand: latencies(1) };
  expect(aimOf(measured)).toMatchObject({ value: 3, max: 1.5 });
  expect(reportQuestions([measured])).toContain('MISSED');
});

test('both sides are called in turns', async () => {
  const calls: string[] = [];
  const call = (name: string) => async () => calls.push(name);
  const { ours, byHand } = await measurePair(call('ours'), call('by hand'), 0);
  expect(ours.calls).toBe(byHand.calls);
  expect(calls.slice(0, 4)).toEqual(['ours', 'by hand', 'ours', 'by hand']);
});

test('each of twenty questions has the same answer as what is written by hand', async () => {
  const database = await createTestDatabase();
  try {
    await fillDatabase(database.url, 1000);
    const { rows } = await database.pool.query<{ id: string }>(
      'SELECT id FROM runs WHERE tenant_id = $1 LIMIT 1',
      [TENANT],
    );
    const questions = benchQuestions({ runId: rows[0]!.id, now: new Date() });
    expect(questions).toHaveLength(20);
    for (const { name, ask, sql, values } of questions) {
      const checked = checkQuery(ask);
      if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
      const viewer = { tenantId: TENANT, agentId: null };
      const answer = await runQuery(database.pool, checked.query, viewer, { timeoutMs: 60_000 });
      const byHand = await database.pool.query<Record<string, unknown>>(sql, values);
      const first = (row: Record<string, unknown>): string => JSON.stringify(Object.values(row)[0]);
      expect({ name, rows: answer.data.map(first) }).toEqual({
        name,
        rows: byHand.rows.slice(0, 50).map(first),
      });
    }
  } finally {
    await database.drop();
  }
}, 120_000);
