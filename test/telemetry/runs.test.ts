import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Skill } from '../../src/skills/skill.ts';
import { createReading } from '../../src/telemetry/reading.ts';
import { createScrape } from '../../src/telemetry/scrape.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import type { MetricDeclaration, MetricName } from '../../src/telemetry/metrics.ts';
import { readAudit, readState } from '../../src/storage/gauges.ts';
import { createPool } from '../../src/storage/pool.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import type { Family } from '../support/exposition.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { createScriptedSkill, fail, pause, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;
const flaky = createScriptedSkill({
  id: 'flaky',
  worstMicroCents: 10 * CENT,
  call: (_call, n) => (n % 2 === 1 ? fail('HTTP_5XX', CENT) : succeed('up', 2 * CENT)),
});
const broken = createScriptedSkill({
  id: 'broken',
  worstMicroCents: CENT,
  call: () => fail('HTTP_4XX', CENT / 2),
});
const crashing = createScriptedSkill({
  id: 'crashing',
  call: () => {
    throw new Error('a fault of the skill');
  },
});
const plain = createScriptedSkill({ id: 'quick', call: () => succeed(2) });
/** A skill for chains that is quick on any machine. */
const quick: Skill = {
  ...plain,
  contract: { ...plain.contract, inline: true },
  callQuickly: () => Promise.resolve(succeed(2)),
};
let entered = () => {};
const slow = createScriptedSkill({
  id: 'slow',
  worstMicroCents: 3 * CENT,
  call: async ({ signal }) => {
    entered();
    await pause(60_000, signal);
    return fail('CANCELLED', CENT);
  },
});

type Families = Map<string, Family>;

describe('the metrics of runs', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ skills: [flaky, broken, crashing, slow, quick] });
  });
  afterAll(() => aos.stop());

  const always = <T>(take: () => Promise<T>) =>
    createReading({ take, freshMs: 0, waitMs: 10_000, keepsOld: false, onError: () => {} });
  const scrape = async (pool = aos.pool): Promise<Families> => {
    const sources = { state: always(() => readState(pool)), audit: always(() => readAudit(pool)) };
    return parseExposition(await createScrape(aos.deps.metrics, sources)());
  };
  /** What `work` has added to a counter. */
  async function growthOf(work: () => Promise<unknown>) {
    const before = await scrape();
    await work();
    const after = await scrape();
    return (name: string, labels: Record<string, string> = {}): number =>
      valueOf(after, name, labels) - valueOf(before, name, labels);
  }
  const tries = (skill: string, status: string, code: string, role = 'main') =>
    ['aos_tries_ended_total', { skill, role, status, code }] as const;

  test('count a run that succeeds, with its steps and no failure', async () => {
    const plan = [
      { id: 'a', skill: 'quick' },
      { id: 'b', skill: 'fs_write', params: { path: 'a.txt', content: '{{steps.a.output}}' } },
    ];
    const grown = await growthOf(() => aos.run(plan));
    expect(grown('aos_runs_accepted_total')).toBe(1);
    expect(grown('aos_run_queue_seconds_count')).toBe(1);
    expect(grown('aos_run_queue_seconds_sum')).toBeGreaterThan(0);
    expect(grown('aos_runs_ended_total', { status: 'succeeded', code: 'none' })).toBe(1);
    expect(grown('aos_run_seconds_count', { status: 'succeeded' })).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'quick', status: 'succeeded' })).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'fs_write', status: 'succeeded' })).toBe(1);
    // What runs in a chain has no try, but is a call of its skill.
    expect(grown(...tries('quick', 'succeeded', 'none'))).toBe(0);
    expect(grown(...tries('fs_write', 'succeeded', 'none'))).toBe(1);
    for (const skill of ['quick', 'fs_write'])
      expect(grown('aos_skill_call_seconds_count', { skill, result: 'succeeded' })).toBe(1);
    for (const activity of ['executeInline', 'executeStep'])
      expect(grown('aos_activity_seconds_count', { activity, result: 'done' })).toBe(1);
    expect(grown('aos_activity_queue_seconds_count', { activity: 'executeStep' })).toBe(1);
    // A chain is a local activity, which waits in no queue.
    expect(grown('aos_activity_queue_seconds_count', { activity: 'executeInline' })).toBe(0);
  });

  test('count a run that fails under its code', async () => {
    const grown = await growthOf(() => aos.run([{ id: 'a', skill: 'broken' }]));
    expect(grown('aos_runs_ended_total', { status: 'failed', code: 'HTTP_4XX' })).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'broken', status: 'failed' })).toBe(1);
    expect(grown(...tries('broken', 'failed', 'HTTP_4XX'))).toBe(1);
    expect(grown('aos_try_cost_cents_total', { skill: 'broken' })).toBeCloseTo(0.5);
    expect(grown('aos_skill_call_seconds_count', { skill: 'broken', result: 'failed' })).toBe(1);
  });

  test('count every try of a step that is tried again, and the step once', async () => {
    const retry = { max_attempts: 2, backoff_ms: 10 };
    const grown = await growthOf(() => aos.run([{ id: 'a', skill: 'flaky', retry }]));
    expect(grown(...tries('flaky', 'failed', 'HTTP_5XX'))).toBe(1);
    expect(grown(...tries('flaky', 'succeeded', 'none'))).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'flaky', status: 'succeeded' })).toBe(1);
    expect(grown('aos_runs_ended_total', { status: 'succeeded', code: 'none' })).toBe(1);
    expect(grown('aos_run_queue_seconds_count')).toBe(1);
    expect(grown('aos_try_cost_cents_total', { skill: 'flaky' })).toBeCloseTo(3);
  });

  test('count a fallback under the skill that stood in, and a skipped step as such', async () => {
    const grown = await growthOf(() =>
      aos.run([
        {
          id: 'a',
          skill: 'broken',
          on_error: 'fallback',
          fallback: { skill: 'fs_write', params: { path: 'b.txt', content: 'b' } },
        },
        { id: 'b', skill: 'broken', on_error: 'skip' },
        { id: 'c', skill: 'broken', when: { ref: 'input.no', op: 'exists' } },
      ]),
    );
    expect(grown(...tries('fs_write', 'succeeded', 'none', 'fallback'))).toBe(1);
    expect(grown(...tries('broken', 'failed', 'HTTP_4XX'))).toBe(2);
    expect(grown('aos_steps_ended_total', { skill: 'fs_write', status: 'succeeded' })).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'broken', status: 'skipped' })).toBe(2);
  });

  test('count what undoes a step under its own skill and role', async () => {
    const write = (path: string) => ({ skill: 'fs_write', params: { path, content: path } });
    const grown = await growthOf(() =>
      aos.run([
        { id: 'a', ...write('c.txt'), compensate: write('d.txt') },
        { id: 'b', ...write('e.txt'), compensate: { skill: 'broken', params: {} } },
        { id: 'c', skill: 'broken' },
      ]),
    );
    expect(grown('aos_runs_ended_total', { status: 'failed', code: 'HTTP_4XX' })).toBe(1);
    expect(grown('aos_steps_ended_total', { skill: 'fs_write', status: 'succeeded' })).toBe(2);
    expect(grown('aos_steps_ended_total', { skill: 'fs_write', status: 'compensated' })).toBe(1);
    expect(grown(...tries('fs_write', 'succeeded', 'none', 'compensate'))).toBe(1);
    expect(grown(...tries('broken', 'failed', 'HTTP_4XX', 'compensate'))).toBe(1);
    expect(
      grown('aos_activity_seconds_count', { activity: 'beginCompensation', result: 'done' }),
      // Asked again when what there was is undone.
    ).toBe(2);
  });

  test('count a try that was refused before its call, and a skill that crashed', async () => {
    const grown = await growthOf(async () => {
      await aos.run([{ id: 'a', skill: 'slow' }], { budget_cents: 1 });
      await aos.run([{ id: 'a', skill: 'crashing' }]);
    });
    expect(grown(...tries('slow', 'failed', 'BUDGET_EXCEEDED'))).toBe(1);
    expect(grown('aos_skill_call_seconds_count', { skill: 'slow', result: 'failed' })).toBe(0);
    expect(grown(...tries('crashing', 'failed', 'SKILL_CRASHED'))).toBe(1);
    expect(grown('aos_skill_call_seconds_count', { skill: 'crashing', result: 'crashed' })).toBe(1);
  });

  test('show what is open and held while a run is under way, and count its cancel', async () => {
    const before = await scrape();
    const called = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const run = await aos.submit([{ id: 'a', skill: 'slow' }], { budget_cents: 7 });
    await called;
    const during = await scrape();
    const since = (name: string, labels = {}) =>
      valueOf(during, name, labels) - valueOf(before, name, labels);
    expect(since('aos_runs_open', { status: 'running' })).toBe(1);
    expect(valueOf(during, 'aos_runs_open', { status: 'queued' })).toBe(0);
    expect(valueOf(during, 'aos_run_oldest_age_seconds', { status: 'running' })).toBeGreaterThan(0);
    expect(since('aos_steps_running')).toBe(1);
    // The run's on the tenant, and the step's on the run.
    expect(since('aos_holds_open')).toBe(2);
    expect(since('aos_money_held_cents')).toBe(7);

    await aos.request(`/api/v1/runs/${run.run_id}/cancel`, { json: {} });
    expect(await aos.ended(run.run_id)).toMatchObject({ status: 'cancelled' });
    const after = await scrape();
    const ended = { status: 'cancelled', code: 'CANCELLED' };
    expect(valueOf(after, 'aos_runs_ended_total', ended)).toBe(1);
    expect(valueOf(after, ...tries('slow', 'cancelled', 'CANCELLED'))).toBe(1);
    for (const name of ['aos_steps_running', 'aos_holds_open', 'aos_money_held_cents'])
      expect([name, valueOf(after, name)]).toEqual([name, 0]);
    expect(valueOf(after, 'aos_runs_open', { status: 'running' })).toBe(0);
    expect(valueOf(after, 'aos_run_oldest_age_seconds', { status: 'running' })).toBe(0);
  });

  test('agree with the record: every event is counted once, and all money is on the ledger', async () => {
    const { rows: events } = await aos.pool.query<{ type: string; count: number }>(
      'SELECT type, count(*) AS count FROM events GROUP BY type',
    );
    const { rows: calls } = await aos.pool.query<{ status: string; count: number }>(
      'SELECT status, count(*) AS count FROM tries GROUP BY status',
    );
    const { rows: money } = await aos.pool.query<{ cents: number }>(
      "SELECT sum(settled_micro_cents)::float8 / 1e6 AS cents FROM accounts WHERE id LIKE 'tenant/%'",
    );
    const now = await scrape();
    const countBy = (name: MetricName, label: string) => {
      const counts: Record<string, number> = {};
      for (const { labels, value } of now.get(name)!.samples)
        counts[labels[label]!] = (counts[labels[label]!] ?? 0) + value;
      return counts;
    };
    const recorded = (prefix: string, words: readonly string[]) =>
      Object.fromEntries(
        events
          .map(({ type, count }) => [type.slice(prefix.length), count] as const)
          .filter(([word], index) => events[index]!.type === prefix + word && words.includes(word)),
      );
    expect(countBy('aos_runs_ended_total', 'status')).toEqual(
      recorded('run.', ['succeeded', 'failed', 'cancelled']),
    );
    expect(countBy('aos_steps_ended_total', 'status')).toEqual(
      recorded('step.', ['succeeded', 'failed', 'cancelled', 'skipped', 'compensated']),
    );
    expect(countBy('aos_tries_ended_total', 'status')).toEqual(
      Object.fromEntries(calls.map(({ status, count }) => [status, count])),
    );
    expect(valueOf(now, 'aos_money_settled_cents')).toBeCloseTo(money[0]!.cents);
    expect(money[0]!.cents).toBeGreaterThan(0);
    const costs = now.get('aos_try_cost_cents_total')!.samples;
    expect(costs.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(money[0]!.cents);
  });

  test('hold only what is declared, under the labels that are declared', async () => {
    const families = await scrape();
    expect([...families.keys()].toSorted()).toEqual(Object.keys(METRICS).toSorted());
    for (const [name, { type, help, samples }] of families) {
      const declared: MetricDeclaration = METRICS[name as MetricName];
      expect({ name, type, help }).toEqual({ name, type: declared.type, help: declared.help });
      for (const { labels, value } of samples) {
        expect([name, Number.isFinite(value) && value >= 0]).toEqual([name, true]);
        const { le: _, ...own } = labels;
        expect([name, Object.keys(own).toSorted()]).toEqual([name, declared.labels.toSorted()]);
      }
    }
  });

  test('do not count what a transaction has rolled back', async () => {
    const grown = await growthOf(async () => {
      const { status } = await aos.request('/api/v1/runs', {
        headers: { 'X-API-Key': await aos.createKey('poor', CENT) },
        key: null,
        json: { plan: [{ skill: 'broken' }], budget_cents: 100 },
      });
      expect(status).toBe(402);
    });
    expect(grown('aos_runs_accepted_total')).toBe(0);
  });

  test('show the violations of the ledger by invariant, and when they were looked for', async () => {
    const sound = await scrape();
    expect(sound.get('aos_ledger_violations')!.samples).toHaveLength(8);
    expect(valueOf(sound, 'aos_ledger_violations', { invariant: 'I4' })).toBe(0);
    const at = valueOf(sound, 'aos_ledger_audit_timestamp_seconds');
    expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(60);
    const change = (by: number) =>
      aos.pool.query(
        "UPDATE accounts SET settled_micro_cents = settled_micro_cents + $1 WHERE id = 'tenant/default'",
        [by],
      );
    await change(CENT);
    expect(valueOf(await scrape(), 'aos_ledger_violations', { invariant: 'I4' })).toBe(1);
    await change(-CENT);
  });

  test('leave out what Postgres does not answer, and count that', async () => {
    const away = createPool({
      url: 'postgresql://aos@127.0.0.1:1/aos',
      connectionsMax: 1,
      onError: () => {},
    });
    const before = await scrape();
    const families = await scrape(away);
    await away.end();
    for (const name of ['aos_runs_open', 'aos_money_held_cents', 'aos_ledger_violations'])
      expect([name, families.get(name)!.samples]).toEqual([name, []]);
    for (const source of ['postgres', 'ledger']) {
      const missed = valueOf(before, 'aos_scrape_errors_total', { source });
      expect(valueOf(families, 'aos_scrape_errors_total', { source })).toBe(missed + 1);
    }
    expect(valueOf(families, 'aos_runs_accepted_total')).toBeGreaterThan(0);
    expect((await scrape()).get('aos_runs_open')!.samples).toHaveLength(2);
  });
});
