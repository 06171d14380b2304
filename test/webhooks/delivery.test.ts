import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deliveryWorkflowId } from '../../src/contracts/messages.ts';
import type {
  WebhookDelivery,
  WebhookDeliveryDetail,
} from '../../src/contracts/webhook-delivery.ts';
import type { SecretWebhook } from '../../src/contracts/webhook.ts';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { EventReceiver, EventReceiverOptions } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { startWebhookReceiver, verifies } from '../support/webhook-receiver.ts';

const RETRIES = [5, 5, 5];
const HOUR_MS = 3600_000;

interface Receiving {
  hook: EventReceiver;
  key: string;
  tenantId: string;
  /** Runs one step, and waits for its end. */
  run: (extra?: object) => Promise<string>;
  /** The newest delivery, once it is so. */
  newest: (isSo: (delivery: WebhookDelivery) => boolean) => Promise<WebhookDelivery>;
  detail: (deliveryId: string) => Promise<WebhookDeliveryDetail>;
  post: <T>(path: string, json?: object) => Promise<{ status: number; body: T }>;
}

describe('a webhook', () => {
  let aos: Harness;
  const lines: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  let tenants = 0;

  /** A receiver in a tenant of its own, so that it gets what its test does alone. */
  async function receive(options: EventReceiverOptions = {}): Promise<Receiving> {
    const tenantId = `tenant ${(tenants += 1)}`;
    const key = await aos.createKey(tenantId);
    const hook = await receiveEvents(aos, { ...options, key });
    stops.push(hook.stop);
    const at = `/api/v1/webhooks/${hook.webhook.id}`;
    return {
      hook,
      key,
      tenantId,
      async run(extra = {}) {
        const plan = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];
        const { body } = await aos.request<{ run_id: string }>('/api/v1/runs', {
          json: { plan, ...extra },
          key,
        });
        await aos.request(`/api/v1/runs/${body.run_id}?wait=30s`, { key });
        return body.run_id;
      },
      async newest(isSo) {
        const list = await until(hook.list, (all) => all.length > 0 && isSo(all.at(-1)!));
        return list.at(-1)!;
      },
      detail: async (id) =>
        (await aos.request<WebhookDeliveryDetail>(`${at}/deliveries/${id}`, { key })).body,
      post: (path, json = {}) => aos.request(`${at}${path}`, { json, key }),
    };
  }
  const isDelivered = ({ status }: WebhookDelivery): boolean => status === 'delivered';
  const hasFailed = ({ status }: WebhookDelivery): boolean => status === 'failed';
  const isWaiting = ({ status }: WebhookDelivery): boolean => status === 'waiting';
  const ends = { settings: { events: ['run.succeeded'] } };

  /** Answers with this status until it is told another one. */
  function switched(status: number, headers: Record<string, string> = {}) {
    const now = { status, headers };
    const answer = (_: unknown, response: ServerResponse): void =>
      answerWith(response, now.status, now.headers);
    return { now, answer };
  }

  beforeAll(async () => {
    aos = await startHarness({
      egressAllow: '127.0.0.1/32',
      onLog: (line) => lines.push(line),
      webhooks: { retryDelaysMs: RETRIES },
    });
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    await aos.stop();
  });

  test('is sent every event of its tenant once, signed, and none of another tenant', async () => {
    const { hook, run } = await receive();
    const other = await receive();
    const runId = await run();
    const { rows } = await aos.pool.query<{ type: string }>(
      'SELECT type FROM events WHERE run_id = $1 ORDER BY number',
      [runId],
    );
    expect(rows.length).toBeGreaterThan(2);
    await until(hook.list, (list) => list.filter(isDelivered).length === rows.length);
    const messages = hook.messages().toSorted((x, y) => x.data.number! - y.data.number!);
    expect(messages.map(({ type }) => type)).toEqual(rows.map(({ type }) => type));
    expect(messages.every(({ data }) => data.run_id === runId)).toBe(true);
    for (const { body, headers } of hook.deliveries)
      expect(verifies(hook.webhook.secret, body, headers)).toBe(true);
    expect(other.hook.deliveries).toEqual([]);
    expect(await hook.detail()).toMatchObject({
      failing_since: null,
      last_failure_at: null,
      deliveries: { delivered: messages.length, pending: 0, sending: 0, waiting: 0, failed: 0 },
    });
  });

  test('is sent what it asks for alone, by type and by agent', async () => {
    const { key, hook, run, tenantId } = await receive({ settings: { events: ['step.*'] } });
    const { body: agent } = await aos.request<{ agent_id: string }>('/agents', {
      json: { name: 'watched' },
      key,
    });
    const ofAgent = await receiveEvents(aos, {
      key,
      settings: { agent_id: agent.agent_id, events: ['run.accepted', 'run.succeeded'] },
    });
    stops.push(ofAgent.stop);
    const plain = await run();
    const owned = await run({ agent_id: agent.agent_id });
    await until(ofAgent.messages, ({ length }) => length === 2);
    await until(hook.messages, ({ length }) => length === 2);
    expect(ofAgent.messages().map(({ data }) => data.run_id)).toEqual([owned, owned]);
    expect(new Set(hook.messages().map(({ data }) => data.run_id))).toEqual(
      new Set([plain, owned]),
    );
    // Once all is looked at, nothing more can come.
    const readUnseen = async (): Promise<unknown[]> =>
      (
        await aos.pool.query(
          `SELECT 1 FROM webhooks w JOIN events e ON e.tenant_id = w.tenant_id
           WHERE w.tenant_id = $1 AND (e.transaction, e.position) > (w.seen_transaction, w.seen_position)`,
          [tenantId],
        )
      ).rows;
    await until(readUnseen, ({ length }) => length === 0);
    expect(await hook.list()).toHaveLength(2);
    expect(hook.messages().map(({ type }) => type)).toEqual(['step.succeeded', 'step.succeeded']);
  });

  test('that answers 500 for some time gets each message again under one id, and once it is well', async () => {
    const failing = 3;
    const { hook, run, newest, detail } = await receive({
      ...ends,
      answer: (_, response, n) => answerWith(response, n <= failing ? 500 : 200),
    });
    await run();
    const delivery = await newest(isDelivered);
    expect(delivery).toMatchObject({ attempts: failing + 1, last_status: 200, failure: null });
    expect(hook.messages().map(({ id }) => id)).toEqual(Array(failing + 1).fill(delivery.id));
    const { history } = await detail(delivery.id);
    expect(
      history.map(({ number, status, code, answer }) => [number, status, code, answer]),
    ).toEqual([
      [4, 200, null, 'answer 200'],
      ...[3, 2, 1].map((number) => [number, 500, 'HTTP_5XX', 'answer 500']),
    ]);
    const { failing_since, last_failure_at, last_success_at } = await hook.detail();
    expect(failing_since).toBeNull();
    expect(Date.parse(last_success_at!)).toBeGreaterThanOrEqual(Date.parse(last_failure_at!));
  });

  test('that redirects is not followed; what has failed is replayed under the same id', async () => {
    const target = await startWebhookReceiver({ secret: 'whsec_bm9ib2R5IGlzIHRvIGNvbWUgaGVyZQ==' });
    stops.push(target.stop);
    const { now, answer } = switched(302, { Location: target.url });
    const { hook, run, newest, detail, post } = await receive({ ...ends, answer });
    await run();
    const failed = await newest(hasFailed);
    const replay = `/api/v1/webhooks/${hook.webhook.id}/deliveries/${failed.id}/replay`;
    expect(failed).toMatchObject({
      attempts: RETRIES.length + 1,
      last_status: 302,
      next_attempt_at: null,
      failure: {
        code: 'REDIRECT_REFUSED',
        recovery: [{ action: 'retry_later', method: 'POST', path: replay }],
      },
    });
    expect((await hook.detail()).failing_since).not.toBeNull();
    expect(target.connections()).toBe(0);

    now.status = 200;
    const { status } = await post(`/deliveries/${failed.id}/replay`);
    expect(status).toBe(202);
    const delivered = await newest(isDelivered);
    expect(delivered).toMatchObject({ id: failed.id, attempts: 1, failure: null });
    expect(new Set(hook.messages().map(({ id }) => id))).toEqual(new Set([failed.id]));
    expect((await detail(failed.id)).history).toHaveLength(RETRIES.length + 2);
  });

  test('keeps none of what the tenant keeps secret of an answer', async () => {
    const value = 'p"ss-Kq7vT9mZ2xW4';
    let status = 400;
    const { hook, key, run, newest, detail } = await receive({
      ...ends,
      answer: (_, response) => {
        response.writeHead(status, { 'Content-Type': 'text/plain' });
        response.end(`${value} ${JSON.stringify(value)} ${Buffer.from(value).toString('base64')}`);
        status = 200;
      },
    });
    const hosts = [new URL(hook.webhook.url).origin];
    await aos.request('/api/v1/secrets/HIDDEN', { method: 'PUT', json: { value, hosts }, key });
    await run();
    const delivered = await newest(isDelivered);
    const { history } = await detail(delivered.id);
    expect(history).toHaveLength(2);
    for (const { answer } of history) {
      expect(answer).toMatch(/^\[secret HIDDEN\] "\[secret HIDDEN\]" \[secret HIDDEN\]/);
      expect(answer).not.toContain('Kq7vT9mZ2xW4');
    }
  });

  test('that answers 410 is disabled, and what is under way to it ends', async () => {
    const { now, answer } = switched(503, { 'Retry-After': '3600' });
    const { hook, key, run, newest, post } = await receive({ ...ends, answer });
    await run();
    const first = await newest(isWaiting);
    now.status = 410;
    await run();
    const gone = await newest(hasFailed);
    const enable = [{ action: 'fix_request', method: 'PATCH', body: { status: 'enabled' } }];
    expect(gone).toMatchObject({
      failure: { code: 'WEBHOOK_GONE', recovery: enable },
      attempts: 1,
    });
    const [ended] = await hook.list();
    expect(ended).toMatchObject({
      id: first.id,
      status: 'failed',
      failure: { code: 'WEBHOOK_DISABLED', recovery: enable },
      next_attempt_at: null,
    });
    expect(await hook.detail()).toMatchObject({ status: 'disabled', disabled_reason: 'gone' });
    const { body: audit } = await aos.request<{ data: object[] }>('/api/v1/audit?kind=change', {
      key,
    });
    expect(audit.data[0]).toMatchObject({
      operation: 'updateWebhook',
      subject: hook.webhook.id,
      key_id: null,
      detail: { status: 'disabled', disabled_reason: 'gone', ended_deliveries: 1 },
    });
    for (const path of ['/test', `/deliveries/${first.id}/replay`]) {
      const refused = await post(path);
      expect(refused).toMatchObject({ status: 409, body: { code: 'WEBHOOK_DISABLED' } });
    }
    const before = hook.deliveries.length;
    await run();
    expect(await hook.list()).toHaveLength(2);
    expect(hook.deliveries).toHaveLength(before);
  });

  test('that has moved is not disabled by a 410 of where it was', async () => {
    let answerOld: (() => void) | undefined;
    const { hook, key, run, newest } = await receive({
      ...ends,
      answer: (_, response) => {
        answerOld = () => answerWith(response, 410);
      },
    });
    const next = await startWebhookReceiver({
      secret: hook.webhook.secret,
      answer: (_, response) => answerWith(response, 200),
    });
    stops.push(next.stop);
    await run();
    await until(
      () => answerOld,
      (isAsked) => isAsked !== undefined,
    );
    const path = `/api/v1/webhooks/${hook.webhook.id}`;
    await aos.request(path, { method: 'PATCH', json: { url: next.url }, key });
    answerOld!();
    expect(await newest(isDelivered)).toMatchObject({ attempts: 2, last_status: 200 });
    expect(await hook.detail()).toMatchObject({ status: 'enabled', disabled_reason: null });
    expect(next.deliveries).toHaveLength(1);
  });

  test.each([
    ['an hour', '3600', 0.99 * HOUR_MS, HOUR_MS],
    ['ten years, which is a day', String(10 * 365 * 86_400), 23.9 * HOUR_MS, 24 * HOUR_MS],
  ])('that asks to be left alone for %s is, unless it is replayed', async (_, after, min, max) => {
    const { now, answer } = switched(429, { 'Retry-After': after });
    const { run, newest, post } = await receive({ ...ends, answer });
    const beganMs = Date.now();
    await run();
    const waiting = await newest(isWaiting);
    const pauseMs = Date.parse(waiting.next_attempt_at!);
    expect(pauseMs).toBeGreaterThan(beganMs + min);
    expect(pauseMs).toBeLessThan(Date.now() + max);
    expect(waiting).toMatchObject({ attempts: 1, last_status: 429 });
    now.status = 200;
    await post(`/deliveries/${waiting.id}/replay`);
    expect(await newest(isDelivered)).toMatchObject({ id: waiting.id, attempts: 1 });
  });

  test('has its messages signed with both secrets while a rotation lasts', async () => {
    const { hook, post } = await receive();
    const old = hook.webhook.secret;
    const send = async (): Promise<(secret: string) => boolean> => {
      const count = hook.deliveries.length;
      await post('/test');
      await until(hook.messages, ({ length }) => length > count);
      const { body, headers } = hook.deliveries.at(-1)!;
      return (secret) => verifies(secret, body, headers);
    };
    const rotate = async (overlap_hours: number): Promise<SecretWebhook> =>
      (await post<SecretWebhook>('/rotate-secret', { overlap_hours })).body;

    const first = await rotate(1);
    expect(first.secret).not.toBe(old);
    const isBoth = await send();
    expect([isBoth(first.secret), isBoth(old)]).toEqual([true, true]);
    expect(hook.deliveries.at(-1)!.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    const until1 = Date.parse((await hook.detail()).previous_secret_until!);
    expect(until1).toBeGreaterThan(Date.now() + 0.9 * HOUR_MS);

    const second = await rotate(0);
    const isNew = await send();
    expect([isNew(second.secret), isNew(first.secret), isNew(old)]).toEqual([true, false, false]);
    expect((await hook.detail()).previous_secret_until).toBeNull();
  });

  test('gets a test as any other message, with no event', async () => {
    const { hook, newest, post } = await receive();
    const { status, body } = await post<WebhookDelivery>('/test');
    expect(status).toBe(202);
    expect(body).toMatchObject({ event_type: 'webhook.test', event_id: null, status: 'pending' });
    await newest(isDelivered);
    expect(hook.messages()).toMatchObject([
      { id: body.id, type: 'webhook.test', data: { webhook_id: hook.webhook.id } },
    ]);
  });

  test('is not sent what a large event tells, but where it can be read', async () => {
    const { hook, run, tenantId } = await receive({ settings: { events: ['run.planned'] } });
    const runId = await run();
    const big = JSON.stringify({ text: 'ü'.repeat(10_000) });
    await aos.pool.query(
      `INSERT INTO events (run_id, number, tenant_id, type, data) VALUES ($1, 99, $2, 'run.planned', $3)`,
      [runId, tenantId, big],
    );
    await until(hook.messages, ({ length }) => length === 1);
    expect(hook.deliveries[0]!.body.length).toBeLessThan(20_000);
    expect(hook.messages()[0]).toMatchObject({
      type: 'run.planned',
      data: { number: 99, data: { where: `/api/v1/runs/${runId}/events?after=98&limit=1` } },
    });
  });

  test('that is disabled gets nothing, then what happens from then on; a replay sends the rest', async () => {
    const { hook, key, run, newest, post } = await receive(ends);
    const at = `/api/v1/webhooks/${hook.webhook.id}`;
    const since = new Date().toISOString();
    const set = (status: string) => aos.request(at, { method: 'PATCH', json: { status }, key });
    expect(await set('disabled')).toMatchObject({ body: { disabled_reason: 'asked' } });
    const missed = await run();
    // What happened in a transaction that an open one could precede is of the time after, as for all readers.
    const readNewer = async (): Promise<unknown[]> =>
      (
        await aos.pool.query(
          `SELECT 1 FROM events WHERE run_id = $1 AND transaction >= pg_snapshot_xmin(pg_current_snapshot())`,
          [missed],
        )
      ).rows;
    await until(readNewer, ({ length }) => length === 0);
    expect(await set('enabled')).toMatchObject({ body: { disabled_reason: null } });
    const seen = await run();
    await newest(isDelivered);
    expect(hook.messages().map(({ data }) => data.run_id)).toEqual([seen]);

    const replayed = await post('/replay', { since });
    expect(replayed).toMatchObject({ status: 202, body: { replayed: 0, next_since: null } });
    await until(hook.messages, ({ length }) => length === 2);
    expect(hook.messages().map(({ data }) => data.run_id)).toEqual([seen, missed]);
    await newest(isDelivered);
    const again = await post('/replay', { since, include_delivered: true });
    expect(again).toMatchObject({ body: { replayed: 2 } });
    await until(hook.messages, ({ length }) => length === 4);
    expect(new Set(hook.messages().map(({ id }) => id)).size).toBe(2);
  });

  test('that is deleted is gone with its deliveries and secrets, whatever was under way', async () => {
    const { answer } = switched(503, { 'Retry-After': '3600' });
    const { hook, key, run, newest } = await receive({ ...ends, answer });
    await run();
    const { id } = await newest(isWaiting);
    const at = `/api/v1/webhooks/${hook.webhook.id}`;
    const { body } = await aos.request(at, { method: 'DELETE', key });
    expect(body).toEqual({ id: hook.webhook.id, deleted: true });
    for (const path of ['', '/deliveries', `/deliveries/${id}`])
      expect((await aos.request(at + path, { key })).status).toBe(404);
    const readRows = async () =>
      (
        await aos.pool.query(
          `SELECT id FROM webhooks WHERE id = $1 UNION ALL SELECT id FROM webhook_deliveries WHERE id = $2
           UNION ALL SELECT delivery_id FROM webhook_attempts WHERE delivery_id = $2`,
          [hook.webhook.id, id],
        )
      ).rows;
    await until(readRows, (rows) => rows.length === 0);
  });

  test('that leads inside is refused when it sends, whatever it led to before', async () => {
    const { hook, run, newest } = await receive(ends);
    await aos.pool.query(`UPDATE webhooks SET url = 'http://10.0.0.1/hook' WHERE id = $1`, [
      hook.webhook.id,
    ]);
    await run();
    expect(await newest(hasFailed)).toMatchObject({
      last_status: null,
      failure: { code: 'EGRESS_BLOCKED' },
    });
  });

  test('whose secret was sealed by another key fails, and sends nothing unsigned', async () => {
    const { hook, run, newest } = await receive(ends);
    await aos.pool.query(`UPDATE webhooks SET sealed_secret = 'another key' WHERE id = $1`, [
      hook.webhook.id,
    ]);
    await run();
    expect(await newest(hasFailed)).toMatchObject({
      last_status: null,
      failure: { code: 'INTERNAL', detail: expect.stringContaining('AOS_SECRETS_KEY') as unknown },
    });
    expect(hook.deliveries).toEqual([]);
  });

  test.each<[string, string, (response: ServerResponse) => void]>([
    [
      'a flood of NULs',
      'HTTP_4XX',
      (response) => {
        response.writeHead(400, { 'Content-Type': 'text/plain' });
        response.end(Buffer.alloc(5_000_000));
      },
    ],
    [
      'half a character, again and again',
      'HTTP_5XX',
      (response) => {
        response.writeHead(500, { 'Content-Type': 'application/json' });
        response.end('😀'.repeat(5_000).slice(1));
      },
    ],
    ['the end of the connection', 'CONNECTION_LOST', (response) => response.destroy()],
  ])('that answers with %s fails as it should', async (_, code, answer) => {
    const { run, newest, detail } = await receive({
      ...ends,
      answer: (_delivery, response) => answer(response),
    });
    await run();
    const { id, failure } = await newest(hasFailed);
    expect(failure?.code).toBe(code);
    for (const each of (await detail(id)).history)
      expect(each.answer?.length ?? 0).toBeLessThanOrEqual(1000);
  });

  test('leaves its secret, URL and messages out of logs, Postgres and the history of Temporal', async () => {
    const { hook, run, newest } = await receive({ ...ends, path: '/hidden-path' });
    const runId = await run();
    const { id } = await newest(isDelivered);
    const handle = aos.client.workflow.getHandle(deliveryWorkflowId(id, 1));
    const history = JSON.stringify(await handle.fetchHistory());
    const { rows } = await aos.pool.query<{ text: string }>(
      `SELECT to_jsonb(w) - 'url' || to_jsonb(d) AS text FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id
       UNION ALL SELECT to_jsonb(a) FROM audit_entries a UNION ALL SELECT to_jsonb(t) FROM webhook_attempts t`,
    );
    const told = [...lines, history, JSON.stringify(rows)].join('\n');
    expect(told).toContain(id);
    expect(told).not.toContain('hidden-path');
    expect(told).not.toContain('whsec_');
    expect(told).not.toContain(hook.webhook.secret.slice('whsec_'.length));
    expect(history).not.toContain(runId);
    expect(history).not.toContain('run.succeeded');
  });

  test('is counted by how its deliveries end', async () => {
    const text = await aos.deps.metrics.register.metrics();
    expect(text).toMatch(/aos_webhook_deliveries_total\{status="delivered"\} [1-9]/);
    expect(text).toMatch(/aos_webhook_deliveries_total\{status="failed"\} [1-9]/);
    for (const result of ['delivered', 'waiting', 'failed', 'gone'])
      expect(text).toContain(`aos_webhook_attempt_seconds_count{result="${result}"}`);
  });
});
