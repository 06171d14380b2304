import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json } from '../../src/contracts/json.ts';
import { SkillView } from '../../src/contracts/skill.ts';
import type { WebhookSecret } from '../../src/contracts/webhook-secret.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { startWebhookReceiver, verifies } from '../support/webhook-receiver.ts';
import type { ReceiverOptions, WebhookReceiver } from '../support/webhook-receiver.ts';

let aos: Harness;
let secret: string;
const receivers: WebhookReceiver[] = [];

beforeAll(async () => {
  aos = await startHarness({ egressAllow: '127.0.0.1/32' });
  secret = (await aos.request<WebhookSecret>('/api/v1/runtime/webhook-secret')).body.secret;
});
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
});
afterAll(async () => {
  const violations = await aos.audit();
  await aos.stop();
  expect(violations).toEqual([]);
});

async function receive(answer?: ReceiverOptions['answer']): Promise<WebhookReceiver> {
  const receiver = await startWebhookReceiver({ secret, ...(answer && { answer }) });
  receivers.push(receiver);
  return receiver;
}

describe('a run', () => {
  test('sends one message, whose id is the effect key of its step', async () => {
    const receiver = await receive();
    const params = { url: receiver.url, payload: { text: 'hello' } };
    const run = await aos.run([{ id: 'tell', skill: 'webhook_send', params }]);
    const step = await aos.step(run.run_id, 'tell');
    expect(run).toMatchObject({
      status: 'succeeded',
      output: { status_code: 200, webhook_id: step.effect_key, body: { taken: true } },
    });
    expect(receiver.deliveries).toHaveLength(1);
    const { headers, body, isVerified } = receiver.deliveries[0]!;
    expect(isVerified).toBe(true);
    expect(headers['webhook-id']).toBe(step.effect_key);
    expect(JSON.parse(body.toString())).toEqual(params.payload);
    const told = [run, step, await aos.request(`/api/v1/runs/${run.run_id}/ledger`)];
    expect(JSON.stringify(told)).not.toContain(secret.slice('whsec_'.length));
  });

  test('sends the same message again, under the same id, until it is taken', async () => {
    const receiver = await receive((_delivery, response, n) => {
      response.writeHead([503, 429, 200][n - 1] ?? 500).end();
    });
    const params = { url: receiver.url, payload: { n: 1 } };
    const retry = { max_attempts: 3, backoff_ms: 1 };
    const run = await aos.run([{ id: 'tell', skill: 'webhook_send', params, retry }]);
    const { tries, effect_key: effectKey } = await aos.step(run.run_id, 'tell');
    expect(run.status).toBe('succeeded');
    expect(tries).toBe(3);
    const ids = receiver.deliveries.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([effectKey, effectKey, effectKey]);
    expect(receiver.deliveries.map(({ isVerified }) => isVerified)).toEqual([true, true, true]);
    expect(new Set(receiver.deliveries.map(({ body }) => body.toString())).size).toBe(1);
  });

  test('sends the output of the step before when it gives no payload', async () => {
    const receiver = await receive();
    const run = await aos.run([
      { skill: 'json_transform', params: { data: { a: [1, 2] }, query: '.a | add' } },
      { skill: 'webhook_send', params: { url: receiver.url } },
    ]);
    expect(run.status).toBe('succeeded');
    expect(receiver.deliveries.map(({ body }) => body.toString())).toEqual(['3']);
  });

  test('sends what an http_call got, and passes on all of its own receipt', async () => {
    const source = await receive((_delivery, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"items":[7]}');
    });
    const receiver = await receive();
    const run = await aos.run([
      { skill: 'http_call', params: { url: source.url } },
      { skill: 'webhook_send', params: { url: receiver.url } },
      { skill: 'json_transform', params: { query: '.status_code' } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: 200 });
    expect(receiver.deliveries.map(({ body }) => body.toString())).toEqual(['{"items":[7]}']);
  });

  test('fails at the first 410', async () => {
    const receiver = await receive((_delivery, response) => response.writeHead(410).end());
    const run = await aos.run([{ skill: 'webhook_send', params: { url: receiver.url } }]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'WEBHOOK_GONE', upstream_status: 410, retryable: false },
    });
    expect(receiver.deliveries).toHaveLength(1);
  });

  test('signs with the secret of its own tenant', async () => {
    const receiver = await receive((_delivery, response) => response.end());
    const key = await aos.createKey('other');
    const plan = [{ skill: 'webhook_send', params: { url: receiver.url, payload: 1 } }];
    const { body: run } = await aos.request<{ run_id: string }>('/api/v1/runs', {
      key,
      json: { plan },
    });
    const ended = await aos.request<Json>(`/api/v1/runs/${run.run_id}?wait=30s`, { key });
    expect(ended.body).toMatchObject({ status: 'succeeded' });
    const { headers, body, isVerified } = receiver.deliveries[0]!;
    expect(isVerified).toBe(false);
    const { body: other } = await aos.request<WebhookSecret>('/api/v1/runtime/webhook-secret', {
      key,
    });
    expect(verifies(other.secret, body, headers)).toBe(true);
  });
});

test('the contract is shown, and says how to verify', async () => {
  const { status, body } = await aos.request('/api/v1/runtime/skills/webhook_send');
  expect(status).toBe(200);
  const view = SkillView.parse(body);
  expect(view).toMatchObject({ id: 'webhook_send', idempotent: 'always', available: true });
  for (const part of ['webhook-signature', 'webhook-id', '/api/v1/runtime/webhook-secret']) {
    expect(view.description).toContain(part);
  }
  expect(view.failure_modes.map(({ code }) => code)).toContain('WEBHOOK_GONE');
});
