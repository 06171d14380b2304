import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import { LedgerAudit, RunLedger } from '../../src/contracts/ledger.ts';
import { StepDetail } from '../../src/contracts/run.ts';
import type { Run } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, fail, pause, succeed } from '../support/scripted-skill.ts';

const RUNS = '/api/v1/runs';
const CENT = 1_000_000;
const ODD = {
  nul: 'a\0b',
  lone: '\ud800',
  pair: '😀',
  html: '</script>',
  proto: JSON.parse('{"__proto__":1}'),
};

/** Opens when it is told to; what waits behind it needs no clock. */
function createGate(): { opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

let gate = createGate();
const gated = createScriptedSkill({
  id: 'gated',
  worstMicroCents: 3 * CENT,
  call: async ({ signal }) => {
    await Promise.race([gate.opened, pause(60_000, signal)]);
    return signal.aborted ? fail('CANCELLED') : succeed('open', CENT);
  },
});
const paid = createScriptedSkill({
  id: 'paid',
  worstMicroCents: 2 * CENT,
  call: () => succeed(ODD, CENT / 2),
});
const big = createScriptedSkill({ id: 'big', call: () => succeed('é'.repeat(300 * 1024)) });
const flaky = createScriptedSkill({
  id: 'flaky',
  call: (_call, n) => (n === 1 ? fail('HTTP_5XX') : succeed('up')),
});
const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_4XX') });

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ skills: [gated, paid, big, flaky, broken] });
});
afterAll(async () => {
  const violations = await aos.audit();
  await aos.stop();
  expect(violations).toEqual([]);
});

const untilRunning = async (runId: string): Promise<Run> => {
  for (;;) {
    const { headers, body } = await aos.request<Run>(`${RUNS}/${runId}`);
    if (body.steps!.some((step) => step.status === 'running')) return body;
    await aos.request(`${RUNS}/${runId}?wait=5s`, {
      headers: { 'If-None-Match': headers.get('etag')! },
    });
  }
};

describe('a step', () => {
  test('shows its params, tries, effect key and output, and downloads the output as it was', async () => {
    const run = await aos.run([{ id: 'odd', skill: 'paid', params: { value: '{{input.x}}' } }], {
      input: { x: 5 },
    });
    const { body } = await aos.request<StepDetail>(`${RUNS}/${run.run_id}/steps/odd`);
    expect(StepDetail.parse(body)).toMatchObject({
      run_id: run.run_id,
      id: 'odd',
      index: 0,
      skill: 'paid',
      status: 'succeeded',
      params: { value: '{{input.x}}' },
      effect_key: `${run.run_id}/odd/1`,
      cost_cents: 0.5,
      tries: 1,
      try_list: [{ role: 'main', number: 1, execution: 1, status: 'succeeded', cost_cents: 0.5 }],
    });
    expect(JSON.stringify(body.output)).toBe(JSON.stringify(ODD));
    expect(JSON.stringify(body.result)).toBe(JSON.stringify(ODD));
    const response = await fetch(`${aos.url}${RUNS}/${run.run_id}/steps/odd/output`, {
      headers: { 'X-API-Key': aos.key },
    });
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.text()).toBe(JSON.stringify(ODD));
  });

  test('with a large output shows where it is, and downloads it whole', async () => {
    const run = await aos.run([{ id: 'big', skill: 'big' }]);
    const text = JSON.stringify('é'.repeat(300 * 1024));
    const sha256 = createHash('sha256').update(text).digest('hex');
    const path = `${RUNS}/${run.run_id}/steps/big/output`;
    const shown = {
      ref: path,
      sha256,
      bytes: Buffer.byteLength(text),
      preview: text.slice(0, 1000),
    };
    expect(run).toMatchObject({ output: shown, outcome: { result: shown, data: shown } });
    expect((await aos.step(run.run_id, 'big')).output).toEqual(shown);
    const response = await fetch(aos.url + path, { headers: { 'X-API-Key': aos.key } });
    expect(response.headers.get('etag')).toBe(`"${sha256}"`);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.text()).toBe(text);
  });

  test('that was tried again or failed tells each failure', async () => {
    const run = await aos.run([
      { id: 'up', skill: 'flaky', retry: { backoff_ms: 1 } },
      { id: 'no', skill: 'broken' },
      { id: 'never', skill: 'broken' },
    ]);
    expect((await aos.step(run.run_id, 'up')).try_list).toMatchObject([
      { number: 1, status: 'failed', failure: { code: 'HTTP_5XX' } },
      { number: 2, status: 'succeeded' },
    ]);
    const failed = await aos.step(run.run_id, 'no');
    expect(failed).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX' },
      try_list: [{ status: 'failed' }],
    });
    expect(failed).not.toHaveProperty('output');
    expect(failed).not.toHaveProperty('result');
    for (const [id, status] of [
      ['no', 'failed'],
      ['never', 'pending'],
    ]) {
      const answer = await aos.request<Failure>(`${RUNS}/${run.run_id}/steps/${id}/output`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'OUTPUT_NOT_FOUND' } });
      expect(answer.body.detail).toContain(status);
    }
  });

  test('whose output is null downloads null', async () => {
    const run = await aos.run([
      { id: 'a', skill: 'json_transform', params: { data: null, query: '.' } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: null, outcome: { result: null } });
    expect(await aos.request(`${RUNS}/${run.run_id}/steps/a/output`)).toMatchObject({
      status: 200,
      body: null,
    });
  });
});

describe('a ledger', () => {
  test('tells every entry in order, page by page, in cents', async () => {
    const run = await aos.run(
      [
        { id: 'a', skill: 'paid' },
        { id: 'b', skill: 'paid' },
      ],
      { budget_cents: 10 },
    );
    const whole = RunLedger.parse((await aos.request(`${RUNS}/${run.run_id}/ledger`)).body);
    expect(whole).toMatchObject({
      run_id: run.run_id,
      account: { limit_cents: 10, reserved_cents: 0, settled_cents: 1, overage_cents: 0 },
      has_more: false,
      next_cursor: null,
    });
    expect(whole.account.closed_at).not.toBeNull();
    expect(whole.transactions).toMatchObject([
      {
        kind: 'hold',
        step_id: 'a',
        try: 1,
        amount_cents: 2,
        reserved_change_cents: 2,
        basis: 'worst_case',
      },
      {
        kind: 'settle',
        step_id: 'a',
        try: 1,
        reserved_change_cents: -2,
        settled_change_cents: 0.5,
        basis: 'actual',
      },
      { kind: 'hold', step_id: 'b', try: 1, amount_cents: 2, reserved_change_cents: 2 },
      {
        kind: 'settle',
        step_id: 'b',
        try: 1,
        reserved_change_cents: -2,
        settled_change_cents: 0.5,
      },
    ]);
    const paged: unknown[] = [];
    let cursor: string | null = '0';
    while (cursor !== null) {
      const { body }: { body: RunLedger } = await aos.request<RunLedger>(
        `${RUNS}/${run.run_id}/ledger?limit=1&cursor=${cursor}`,
      );
      expect(body.has_more).toBe(body.next_cursor !== null);
      paged.push(...body.transactions);
      cursor = body.next_cursor;
    }
    expect(paged).toEqual(whole.transactions);
  });

  test('refuses a cursor that no ledger made, and limits out of range', async () => {
    const run = await aos.run([{ id: 'a', skill: 'paid' }]);
    for (const cursor of ['', 'x', '-1', '1.5', '1e3', '9'.repeat(16), '%00', "1';--"]) {
      expect(await aos.request(`${RUNS}/${run.run_id}/ledger?cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'CURSOR_INVALID' },
      });
    }
    for (const limit of ['0', '201', 'all']) {
      expect(await aos.request(`${RUNS}/${run.run_id}/ledger?limit=${limit}`)).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '?limit' }] },
      });
    }
    const { body } = await aos.request<RunLedger>(
      `${RUNS}/${run.run_id}/ledger?cursor=${'9'.repeat(15)}`,
    );
    expect(body.transactions).toEqual([]);
  });

  test('audit answers that nothing is wrong, and what is when something is', async () => {
    const key = await aos.createKey('audited');
    const audit = async () =>
      LedgerAudit.parse((await aos.request('/api/v1/ledger/audit', { key })).body);
    expect((await audit()).violations).toEqual([]);
    await aos.pool.query(`UPDATE accounts SET settled_micro_cents = 5 WHERE id = 'tenant/audited'`);
    const { violations } = await audit();
    expect(violations).not.toEqual([]);
    expect(violations.map(({ subject }) => subject)).toContain('tenant/audited');
    expect(await aos.audit()).toEqual([]);
  });
});

describe('a cancel', () => {
  test('stops a running step, tells its reason, and may be asked for twice', async () => {
    gate = createGate();
    const { run_id } = await aos.submit([{ id: 'g', skill: 'gated' }]);
    await untilRunning(run_id);
    const cancel = () =>
      aos.request<Run>(`${RUNS}/${run_id}/cancel`, { json: { reason: 'No longer wanted.' } });
    const first = await cancel();
    expect([200, 202]).toContain(first.status);
    expect(first.body.cancel_requested_at).toBeDefined();
    expect(await aos.ended(run_id)).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED', detail: 'No longer wanted.' },
      outcome: { success: false, error: { code: 'CANCELLED' } },
    });
    expect(await cancel()).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  });

  test('of a run that has ended otherwise is refused, and changes nothing', async () => {
    const run = await aos.run([{ id: 'a', skill: 'paid' }]);
    expect(await aos.request(`${RUNS}/${run.run_id}/cancel`, { method: 'POST' })).toMatchObject({
      status: 409,
      body: { code: 'RUN_CLOSED' },
    });
    expect((await aos.request(`${RUNS}/${run.run_id}`)).body).toEqual(run);
  });

  test.each<[string, unknown, string]>([
    ['an empty reason', { reason: '' }, '/reason'],
    ['a reason that is no string', { reason: 5 }, '/reason'],
    ['a reason of 1001 characters', { reason: 'x'.repeat(1001) }, '/reason'],
    ['a NUL in the reason', { reason: 'a\0b' }, '/reason'],
    ['a lone surrogate in the reason', { reason: '\ud800' }, '/reason'],
    ['a key that is nearly `reason`', { Reason: 'x' }, '/Reason'],
  ])('with %s is refused', async (_what, json, pointer) => {
    const run = await aos.run([{ id: 'a', skill: 'paid' }]);
    const { status, body } = await aos.request<Failure>(`${RUNS}/${run.run_id}/cancel`, { json });
    expect({ status, pointers: body.errors!.map((problem) => problem.pointer) }).toEqual({
      status: 422,
      pointers: [pointer],
    });
  });
});

describe('?wait=', () => {
  test('answers when the run ends, not before and not much later', async () => {
    gate = createGate();
    const { run_id } = await aos.submit([{ id: 'g', skill: 'gated' }]);
    await untilRunning(run_id);
    let answeredAt = 0;
    const waiting = aos
      .request<Run>(`${RUNS}/${run_id}?wait=30s`)
      .finally(() => (answeredAt = Date.now()));
    const change = await aos.request<Run>(`${RUNS}/${run_id}?wait=300ms`);
    expect(change.body.status).toBe('running');
    expect(answeredAt).toBe(0);
    const openedAt = Date.now();
    gate.open();
    expect((await waiting).body).toMatchObject({ status: 'succeeded', output: 'open' });
    expect(answeredAt - openedAt).toBeLessThan(5_000);
  });

  test('answers at once for a run that has ended, whatever the client has seen', async () => {
    const run = await aos.run([{ id: 'a', skill: 'paid' }]);
    const startedAt = Date.now();
    const { headers, status, body } = await aos.request<Run>(`${RUNS}/${run.run_id}?wait=60s`);
    expect({ status, body }).toEqual({ status: 200, body: run });
    const again = await aos.request<Run>(`${RUNS}/${run.run_id}?wait=60s`, {
      headers: { 'If-None-Match': headers.get('etag')! },
    });
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: run });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  });

  test('answers on the next change for a client that says what it has seen', async () => {
    gate = createGate();
    const { run_id } = await aos.submit([{ id: 'g', skill: 'gated' }]);
    const running = await untilRunning(run_id);
    const etag = `"${running.event_number}"`;
    // Something else than it has seen: there is nothing to wait for.
    const stale = await aos.request<Run>(`${RUNS}/${run_id}?wait=60s`, {
      headers: { 'If-None-Match': '"0"' },
    });
    expect(stale.headers.get('etag')).toBe(etag);
    expect(stale.body.status).toBe('running');
    const waiting = aos.request<Run>(`${RUNS}/${run_id}?wait=60s`, {
      headers: { 'If-None-Match': etag },
    });
    gate.open();
    const changed = await waiting;
    expect(changed.body.event_number).toBeGreaterThan(running.event_number);
    expect(changed.headers.get('etag')).toBe(`"${changed.body.event_number}"`);
    await aos.ended(run_id);
  });

  test('gives the open run when the time is up', async () => {
    gate = createGate();
    const { run_id } = await aos.submit([{ id: 'g', skill: 'gated' }]);
    for (const wait of ['0', '0s', '1ms', '200ms', '1']) {
      const startedAt = Date.now();
      const { status, body } = await aos.request<Run>(`${RUNS}/${run_id}?wait=${wait}`);
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('outcome');
      const asked = wait === '1' ? 1_000 : Number.parseInt(wait, 10);
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(asked);
      expect(Date.now() - startedAt).toBeLessThan(asked + 2_000);
    }
    gate.open();
    await aos.ended(run_id);
  });

  test.each([
    '61s',
    '61',
    '60001ms',
    '60.5s',
    '-1s',
    '1m',
    '1h',
    's',
    '',
    '30s&wait=30s',
    '1e3',
    '٣s',
    '999999999s',
    'Infinity',
  ])('refuses %s', async (wait) => {
    const run = await aos.submit([{ id: 'a', skill: 'paid' }]);
    expect(await aos.request<Failure>(`${RUNS}/${run.run_id}?wait=${wait}`)).toMatchObject({
      status: 422,
      body: {
        code: 'INVALID_REQUEST',
        errors: [{ pointer: '?wait', message: expect.stringContaining('60s') }],
      },
    });
  });

  test('gives up when its client has hung up', async () => {
    const idle = await startHarness({ worker: false, reconciler: false });
    let looks = 0;
    try {
      const { run_id } = await idle.submit([
        { id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } },
      ]);
      idle.pool.on('acquire', () => (looks += 1));
      const nextLook = () => once(idle.pool, 'acquire');
      const socket = connect(Number(new URL(idle.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        `GET ${RUNS}/${run_id}?wait=60s HTTP/1.1\r\nHost: aos\r\nX-API-Key: ${idle.key}\r\n\r\n`,
      );
      // The key, the run, and the run again a second later: it polls.
      for (let n = 0; n < 3; n += 1) await nextLook();
      socket.destroy();
      // The look that is under way may still be finished; a poll that went on would look twice more.
      await pause(1_500, new AbortController().signal);
      looks = 0;
      await pause(2_500, new AbortController().signal);
      expect(looks).toBe(0);
    } finally {
      await idle.stop();
    }
  });

  test('is answered at once when the server stops', async () => {
    const idle = await startHarness({ worker: false, reconciler: false });
    const { run_id } = await idle.submit([
      { id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } },
    ]);
    const looked = once(idle.pool, 'acquire');
    const waiting = idle.request<Run>(`${RUNS}/${run_id}?wait=60s`);
    await looked;
    const stopped = idle.stop();
    // A poll that went on would lose its connection when the server's drain ends.
    expect(await waiting).toMatchObject({ status: 200, body: { status: 'queued' } });
    await stopped;
  });
});
