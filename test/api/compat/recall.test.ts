import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Recall } from '../../../src/contracts/compat.ts';
import type { Failure } from '../../../src/contracts/failures.ts';
import type { Json } from '../../../src/contracts/json.ts';
import { insertAgentRow } from '../../support/agent-row.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';

describe('recall', () => {
  let aos: Harness;
  let agentId: string;
  let output: Json = null;
  let message = '';
  const say = createScriptedSkill({ id: 'say', call: () => succeed(output) });
  const broken = createScriptedSkill({
    id: 'broken',
    call: () => ({
      ok: false,
      failure: { code: 'HTTP_4XX', message },
      usage: { cost_micro_cents: 0 },
    }),
  });
  beforeAll(async () => {
    aos = await startHarness({ skills: [say, broken] });
    agentId = await insertAgentRow(aos.pool);
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  const remember = async (goal: string, value: Json, agent = agentId): Promise<string> => {
    output = value;
    const run = await aos.run([{ skill: 'say', params: {} }], { agent_id: agent, goal });
    expect(run.status).toBe('succeeded');
    return run.run_id;
  };
  const recall = async (query: string, k = 5, agent = agentId): Promise<Recall> => {
    const search = new URLSearchParams({ query, k: String(k) }).toString();
    const { status, body } = await aos.request<Recall>(`/agents/${agent}/recall?${search}`);
    expect({ status, body }).toMatchObject({ status: 200 });
    return Recall.parse(body);
  };
  const idsOf = ({ entries }: Recall): string[] => entries.map(({ id }) => id);

  test('finds finished runs by the words of their goals and of their outcomes', async () => {
    const weather = await remember('Fetch the weather forecast of Lisbon', { degrees: 21 });
    const price = await remember('Read a page', {
      ticker: 'BTC',
      price: 43210,
      note: 'a\nbargain',
    });
    for (const query of ['forecast', 'fetching', 'lisbon weather', 'degrees', '"weather forecast"'])
      expect(idsOf(await recall(query))).toEqual([weather]);
    for (const query of ['btc', '43210', 'bargain', 'page -weather', 'a btc ticker'])
      expect(idsOf(await recall(query))).toEqual([price]);
    expect(idsOf(await recall('weather or btc')).toSorted()).toEqual([weather, price].toSorted());
    expect(await recall('weather btc')).toEqual({ entries: [], total: 0 });
    const { entries } = await recall('btc');
    expect(entries[0]).toMatchObject({
      content: `Read a page\n${JSON.stringify({ ticker: 'BTC', price: 43210, note: 'a\nbargain' })}`,
      goal: 'Read a page',
      status: 'succeeded',
    });
    expect(entries[0]!.score).toBeGreaterThan(0);
    const run = (await aos.request<{ completed_at: string }>(`/api/v1/runs/${price}`)).body;
    expect(entries[0]!.timestamp).toBe(run.completed_at);
  });

  test('finds what failed by why it failed', async () => {
    message = 'The greengrocer was closed.';
    const plan = [{ skill: 'broken', params: {} }];
    const run = await aos.run(plan, { agent_id: agentId, goal: 'Buy turnips' });
    expect(run.status).toBe('failed');
    for (const query of ['turnip', 'greengrocer'])
      expect(await recall(query)).toMatchObject({
        total: 1,
        entries: [
          { id: run.run_id, status: 'failed', content: `Buy turnips\nHTTP_4XX: ${message}` },
        ],
      });
  });

  test('puts the best first, answers at most k, and tells how many there are', async () => {
    const id = await insertAgentRow(aos.pool);
    const once = await remember('A walnut', 'and much else', id);
    const often = await remember('walnut walnut walnut', 'walnut', id);
    await remember('no nuts', 'none', id);
    expect(idsOf(await recall('walnut', 5, id))).toEqual([often, once]);
    expect(await recall('walnut', 1, id)).toMatchObject({ total: 2, entries: [{ id: often }] });
  });

  test.each([
    ['nothing', ''],
    ['spaces', '  '],
    ['stop words', 'what did I do'],
    ['signs', '?!'],
  ])('answers %s with the newest, at a score of 0', async (_what, query) => {
    const id = await insertAgentRow(aos.pool);
    const older = await remember('one', 1, id);
    const newer = await remember('two', 2, id);
    const all = await recall(query, 5, id);
    expect(idsOf(all)).toEqual([newer, older]);
    expect(all.entries.map(({ score }) => score)).toEqual([0, 0]);
    expect(await recall(query, 1, id)).toMatchObject({ total: 2, entries: [{ id: newer }] });
  });

  test('asks for nothing but the agent: without a query too', async () => {
    expect((await aos.request(`/agents/${agentId}/recall`)).status).toBe(200);
  });

  test('sees no other agent, no other tenant and nothing that is still open', async () => {
    const name = 'shared-name';
    const here = await remember('secretive heron', 1, name);
    const there = await aos.createKey('neighbour');
    const init = {
      json: { plan: [{ skill: 'say', params: {} }], agent_id: name, goal: 'heron' },
      key: there,
    };
    const { body } = await aos.request<{ run_id: string }>('/api/v1/runs', init);
    const own = async () =>
      (await aos.request<Recall>(`/agents/${name}/recall?query=heron`, { key: there })).body;
    // What it finds is finished.
    let found = await own();
    while (found.total === 0) found = await own();
    expect(idsOf(found)).toEqual([body.run_id]);
    expect(idsOf(await recall('heron', 5, name))).toEqual([here]);
    expect(await recall('heron')).toEqual({ entries: [], total: 0 });
  });

  test('a run of no agent is remembered by nobody', async () => {
    output = 1;
    const run = await aos.run([{ skill: 'say', params: {} }], { goal: 'anonymous' });
    const { rows } = await aos.pool.query('SELECT memory FROM runs WHERE id = $1', [run.run_id]);
    expect(rows).toEqual([{ memory: null }]);
  });

  test.each<[string, () => Json]>([
    ['a word of a megabyte', () => 'x'.repeat(1_000_000)],
    ['more words than a tsvector takes', () => Array.from({ length: 200_000 }, (_, n) => `w${n}`)],
    ['more different words of three bytes', () => wordsOf((n) => String.fromCharCode(0x4e00 + n))],
    [
      'more words of four bytes',
      () => wordsOf((n) => String.fromCodePoint(0x10_330 + (n % 26), 0x20_000 + n)),
    ],
    ['words in words, by hyphens', () => 'ß-ü-ö-ä-é-'.repeat(50_000)],
    [
      'addresses',
      () => Array.from({ length: 20_000 }, (_, n) => `https://h${n}.example.org/p${n}?q=${n}`),
    ],
    ['NULs and halves of pairs', () => ['a\0b', '\ud800', { '\udc00': '\0' }]],
    ['__proto__', () => JSON.parse('{"__proto__": {"constructor": 1}}') as Json],
  ])('%s in an output is remembered as far as it goes', async (_what, value) => {
    const id = await insertAgentRow(aos.pool);
    const run = await remember('wild goose', value(), id);
    expect(idsOf(await recall('goose', 5, id))).toEqual([run]);
    expect((await recall('goose', 5, id)).entries[0]!.content.length).toBeLessThan(2_100);
  });

  test('NULs in the message of a failure do no harm', async () => {
    const id = await insertAgentRow(aos.pool);
    message = 'odd\0ity \ud800';
    await aos.run([{ skill: 'broken', params: {} }], { agent_id: id, goal: 'Try.' });
    expect(await recall('ity', 5, id)).toMatchObject({ total: 1 });
  });

  test.each([
    ['SQL', `'; DROP TABLE runs; --`],
    ['operators', `a & b | !c <-> (d`],
    ['quotes', `"""'""`],
    ['dashes', '- - -a --b'],
    ['a word that no index takes', '語'.repeat(1000)],
    ['a backslash', String.raw`\\ \' \0`],
    ['wildcards', '% _ *:*'],
  ])('%s in a query is only words', async (_what, query) => {
    expect((await recall(query)).total).toBeLessThan(100);
  });

  test.each([
    ['query=x&k=0', '?k'],
    ['query=x&k=101', '?k'],
    ['query=x&k=many', '?k'],
    [`query=${'x'.repeat(1001)}`, '?query'],
    ['query=%00', '?query'],
    ['query=a&query=b', '?query'],
    ['qeury=a', '?qeury'],
  ])('refuses %s', async (query, pointer) => {
    const { status, body } = await aos.request<Failure>(`/agents/${agentId}/recall?${query}`);
    expect({ status, pointers: body.errors?.map((each) => each.pointer) }).toEqual({
      status: 422,
      pointers: [pointer],
    });
  });
});

const wordsOf = (word: (n: number) => string): string =>
  Array.from({ length: 20_000 }, (_, n) => word(n)).join(' ');
