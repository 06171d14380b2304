import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { isJsonObject } from '../../src/contracts/json.ts';
import { AskTyped, QUERY_OPERATORS, QUERY_SOURCES } from '../../src/contracts/typed-query.ts';
import type { QuerySource } from '../../src/contracts/typed-query.ts';
import { CATALOGUE } from '../../src/query/catalogue/catalogue.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { compileQuery } from '../../src/query/compile/compile.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { queries } from '../support/query-arbitraries.ts';
import { makeQueryWorld } from '../support/query-world.ts';
import type { PlainWorld } from '../support/query-world.ts';

const PATH = '/api/v1/runtime/query';
/** In every text and id of the other tenant. */
const MARK = 'theirs-alone';
const THEIR_IDS = '_00000002-';
const VIEWER = { tenantId: 'mine', agentId: null };

const HOSTILE_STRINGS = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '\0',
    '\ud800',
    'a\udc00',
    '__proto__',
    "' OR 1=1 --",
    `${MARK}`,
    'x'.repeat(70_000),
  ),
  fc.constantFrom(...QUERY_SOURCES, ...QUERY_OPERATORS, ...Object.keys(AskTyped.shape)),
  fc.constantFrom(...Object.values(CATALOGUE).flatMap(({ fields }) => Object.keys(fields))),
);
const KEYS = fc.oneof(
  fc.constantFrom(
    ...Object.keys(AskTyped.shape),
    'and',
    'or',
    'not',
    'field',
    'op',
    'value',
    'fn',
    'p',
    'as',
    'bucket',
    'direction',
    '__proto__',
  ),
  HOSTILE_STRINGS,
);
const { anything } = fc.letrec<{ anything: Json }>((tie) => ({
  anything: fc.oneof(
    { maxDepth: 4 },
    HOSTILE_STRINGS,
    fc.constantFrom<Json>(null, true, 0, -1, 1e308, 5e-324, 2 ** 53, 1.5),
    fc.array(tie('anything'), { maxLength: 4 }),
    fc.dictionary(KEYS, tie('anything'), { maxKeys: 4 }),
  ),
}));

/** Replaces what stands at one place, counted through the whole of a value, by something else. */
function spoil(value: Json, place: number, by: Json): Json {
  let at = -1;
  const walk = (each: Json): Json => {
    at += 1;
    if (at === place) return by;
    if (Array.isArray(each)) return each.map(walk);
    if (!isJsonObject(each)) return each;
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value);
}

describe('hostile questions', () => {
  let aos: Harness;
  let mine: PlainWorld;
  let key: string;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    key = await aos.createKey('mine');
    await aos.createKey('theirs');
    mine = await makeQueryWorld(aos.pool, 'mine', { seed: 1, runs: 30, mark: '' });
    await makeQueryWorld(aos.pool, 'theirs', { seed: 2, runs: 30, mark: MARK });
  }, 60_000);
  afterAll(() => aos.stop());

  const ask = async (body: Json) => {
    const { status, body: answer } = await aos.request(PATH, { key, json: body });
    return { status, text: JSON.stringify(answer) };
  };
  const expectHarmless = async (body: Json): Promise<number> => {
    const { status, text } = await ask(body);
    expect(status).toBeLessThan(500);
    if (status === 200) {
      expect(text).not.toContain(THEIR_IDS);
      // What the caller wrote himself comes back as the name of a column.
      if (!JSON.stringify(body).includes(MARK)) expect(text).not.toContain(MARK);
    }
    return status;
  };

  test('any JSON is answered or refused, and tells nothing of another tenant', async () => {
    const bodies = fc.oneof(
      anything,
      fc
        .tuple(fc.constantFrom(...QUERY_SOURCES), fc.dictionary(KEYS, anything, { maxKeys: 6 }))
        .map(([from, rest]): Json => ({ ...rest, from })),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => void (await expectHarmless(body))),
      { numRuns: 300 },
    );
  }, 240_000);

  test('a question with one thing in it spoilt is answered or refused, too', async () => {
    const spoilt = fc
      .tuple(queries(mine), fc.nat(40), anything)
      .map(([question, place, by]) => spoil(question, place, by));
    await fc.assert(
      fc.asyncProperty(spoilt, async (body) => void (await expectHarmless(body))),
      { numRuns: 250 },
    );
  }, 240_000);

  test('what is well formed is answered, of the own tenant alone, whatever it asks for', async () => {
    const agents = `agent${THEIR_IDS}0000-7000-8000-000000000000`;
    const asking = fc.tuple(queries(mine), fc.boolean()).map(([question, theirs]): JsonObject => {
      if (!theirs || question['from'] === 'agents') return question;
      const tests = [
        { field: 'agent_id', op: 'eq', value: agents },
        { field: 'run_id', op: 'contains', value: THEIR_IDS },
      ];
      return {
        ...question,
        where: { or: [...tests, ...(question['where'] ? [question['where']] : [])] },
      };
    });
    await fc.assert(
      fc.asyncProperty(asking, async (question) => {
        expect(await expectHarmless(question)).toBe(200);
      }),
      { numRuns: 300 },
    );
  }, 240_000);

  test('a forged cursor leads nowhere else', async () => {
    const first = await aos.request<{ next_cursor: string }>(PATH, {
      key,
      json: { from: 'runs', limit: 1 },
    });
    const read = JSON.parse(Buffer.from(first.body.next_cursor, 'base64url').toString()) as Json[];
    const forged = fc.tuple(fc.nat(3), anything).map(([place, by]) => {
      const values = read.map((value, index) => (index === place ? by : value));
      return Buffer.from(JSON.stringify(values)).toString('base64url');
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(forged, HOSTILE_STRINGS), async (cursor) => {
        await expectHarmless({ from: 'runs', limit: 1, cursor });
        const other = await ask({
          from: 'runs',
          limit: 1,
          select: ['run_id'],
          cursor: first.body.next_cursor,
        });
        expect(other.status).toBe(400);
      }),
      { numRuns: 80 },
    );
  }, 240_000);

  test('what a caller writes is never a piece of SQL: the text is the same, whatever the values', () => {
    const textOf = (question: Json): string => {
      const checked = checkQuery(question as JsonObject);
      if ('problems' in checked) throw new Error(JSON.stringify([question, checked.problems]));
      return compileQuery(checked.query, VIEWER).text;
    };
    fc.assert(
      fc.property(queries(mine), fc.string({ unit: 'grapheme' }), (question, salt) => {
        const word = `zq${salt.replaceAll(/[\0\p{Surrogate}]/gu, '')}`;
        const other = rewrite(question, question['from'] as QuerySource, word);
        expect(textOf(other)).toBe(textOf(question));
        expect(textOf(other)).not.toContain('zq');
      }),
      { numRuns: 600 },
    );
  });
});

/** The same question with every word and number in it that is the caller's own made another. */
function rewrite(value: Json, from: QuerySource, word: string): Json {
  if (Array.isArray(value)) return value.map((each) => rewrite(each, from, word));
  if (typeof value === 'string')
    return value.startsWith('labels.') ? `labels.${word}${value}` : value;
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, Json] => {
      // These choose between texts of ours.
      const isChoice = CATALOGUE[from].narrower?.some(({ field }) => field === value['field']);
      if (key === 'value' && isChoice) return [key, inner];
      if (key === 'value')
        return [key, otherValue(inner, fieldNamed(from, value['field'] as string), word)];
      if (key === 'as') return [key, `zq_${inner as string}`];
      if (key === 'p') return [key, 0.123];
      if (key === 'limit') return [key, 77];
      return [key, rewrite(inner, from, word)];
    }),
  );
}

const fieldNamed = (from: QuerySource, name: string) => CATALOGUE[from].fields[name];

function otherValue(value: Json, field: ReturnType<typeof fieldNamed>, word: string): Json {
  if (Array.isArray(value)) return value.map((each) => otherValue(each, field, word));
  if (typeof value === 'number') return value / 2 + 1;
  // Of these there are two, and which of our own texts is taken may depend on them.
  if (typeof value === 'boolean') return value;
  if (field?.type === 'enum') return field.values![0]!;
  return field?.type === 'time' ? '1999-12-31T23:59:59Z' : word;
}
