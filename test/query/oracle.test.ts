import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { QUERY_SOURCES } from '../../src/contracts/typed-query.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { runQuery } from '../../src/query/run-query.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { queries } from '../support/query-arbitraries.ts';
import { answerOf, isInOrder } from '../support/query-oracle.ts';
import { makeQueryWorld } from '../support/query-world.ts';
import type { PlainRow, PlainWorld } from '../support/query-world.ts';

/** Doubles are summed in another order, so that their last digits differ; and jsonb keeps no order of keys. */
const plain = (value: Json): Json => {
  if (typeof value === 'number') return Number(value.toPrecision(10));
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, plain(inner)]);
};
const rounded = (row: PlainRow): string => JSON.stringify(plain(row));

describe('what SQL answers', () => {
  let database: TestDatabase;
  let world: PlainWorld;
  beforeAll(async () => {
    database = await createTestDatabase();
    world = await makeQueryWorld(database.pool, 'mine', { seed: 1, runs: 120, mark: '' });
    await makeQueryWorld(database.pool, 'theirs', { seed: 2, runs: 60, mark: '' });
  });
  afterAll(() => database.drop());

  /** Every page of the answer. */
  async function answerAll(
    question: JsonObject,
    agentId: string | null = null,
  ): Promise<PlainRow[]> {
    const rows: PlainRow[] = [];
    let cursor: string | null = null;
    do {
      const checked = checkQuery({ ...question, cursor });
      if ('problems' in checked) throw new Error(JSON.stringify([question, checked.problems]));
      const page = await runQuery(
        database.pool,
        checked.query,
        { tenantId: 'mine', agentId },
        { timeoutMs: 60_000 },
      );
      expect(page.data.length).toBeLessThanOrEqual(checked.query.limit);
      expect(page.has_more).toBe(page.next_cursor !== null);
      rows.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return rows;
  }

  test('there is something of every source', () => {
    for (const from of QUERY_SOURCES) expect(world[from].length).toBeGreaterThan(2);
  });

  test('is what the same question over plain rows answers, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(queries(world), async (question) => {
        const rows = await answerAll(question);
        const expected = answerOf(world[question['from'] as keyof PlainWorld], question);
        expect(rows.map(rounded).toSorted()).toEqual(expected.map(rounded).toSorted());
        expect(isInOrder(rows, (question['order_by'] as JsonObject[] | undefined) ?? [])).toBe(
          true,
        );
      }),
      { numRuns: 250 },
    );
  }, 240_000);

  test('is that of one agent alone, for a key that is bound to it', async () => {
    const agentId = world.agents[0]!['agent_id'] as string;
    await fc.assert(
      fc.asyncProperty(queries(world), async (question) => {
        const own = world[question['from'] as keyof PlainWorld].filter(
          (row) => row['agent_id'] === agentId,
        );
        const rows = await answerAll(question, agentId);
        expect(rows.map(rounded).toSorted()).toEqual(
          answerOf(own, question).map(rounded).toSorted(),
        );
      }),
      { numRuns: 60 },
    );
  }, 240_000);
});
