import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHashKey } from '../../src/bin/installation-keys.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { ENDPOINTS_PER_TENANT_MAX } from '../../src/contracts/limits.ts';
import type { WebhookDeliveryPage } from '../../src/contracts/webhook-delivery.ts';
import type { SecretWebhook, WebhookPage, WebhookView } from '../../src/contracts/webhook.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { PEPPER, startHarness } from '../support/harness.ts';
import { insertWebhookRow } from '../support/webhook-row.ts';

const HOOK_URL = 'https://example.org/hook';

describe('webhooks', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());

  const create = (json: object, key = aos.key) =>
    aos.request<SecretWebhook & Pick<Failure, 'errors'>>('/api/v1/webhooks', { json, key });

  test('are made with a secret that is told once, and sealed', async () => {
    const { status, headers, body } = await create({
      url: `${HOOK_URL}#part`,
      events: ['run.*', 'run.*', 'step.failed'],
      description: 'tells',
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/api/v1/webhooks/${body.id}`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      url: HOOK_URL,
      events: ['run.*', 'step.failed'],
      status: 'enabled',
      warnings: [],
    });
    expect(Buffer.from(body.secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    const path = `/api/v1/webhooks/${body.id}`;
    const { body: read } = await aos.request(path);
    expect(read).toMatchObject({ id: body.id, deliveries: { pending: 0, delivered: 0 } });
    expect(JSON.stringify(read)).not.toContain('whsec_');
    const { rows } = await aos.pool.query<{ sealed_secret: Buffer; tenant_id: string }>(
      'SELECT sealed_secret, tenant_id FROM webhooks WHERE id = $1',
      [body.id],
    );
    const { sealed_secret: sealed, tenant_id: tenantId } = rows[0]!;
    expect(sealed.toString('latin1')).not.toContain(body.secret.slice(6, 20));
    expect(aos.deps.cipher.open(sealed, `webhook/${tenantId}/${body.id}`)).toBe(body.secret);
    expect(() => aos.deps.cipher.open(sealed, `webhook/other/${body.id}`)).toThrow(
      'unable to authenticate',
    );
  });

  test.each<[string, object, string]>([
    ['nothing', {}, '/url'],
    ['no URL', { url: 'hook' }, '/url'],
    ['another scheme', { url: 'ftp://example.org/hook' }, '/url'],
    ['a password', { url: 'https://a:b@example.org/' }, '/url'],
    ['a private address', { url: 'http://10.0.0.1/hook' }, '/url'],
    ['this machine, written otherwise', { url: 'http://0x7f.1/hook' }, '/url'],
    ['the address of metadata', { url: 'http://169.254.169.254/' }, '/url'],
    ['a port that is none for HTTP', { url: 'https://example.org:5432/' }, '/url'],
    ['a long URL', { url: `${HOOK_URL}/${'a'.repeat(2048)}` }, '/url'],
    ['an unknown event', { url: HOOK_URL, events: ['run.exploded'] }, '/events/0'],
    ['no events', { url: HOOK_URL, events: [] }, '/events'],
    ['an agent that is not there', { url: HOOK_URL, agent_id: 'agent_x' }, '/agent_id'],
    ['a NUL', { url: HOOK_URL, description: 'a\0b' }, '/description'],
    ['half a character', { url: HOOK_URL, description: '\ud800' }, '/description'],
  ])('are not made with %s', async (_, json, pointer) => {
    const { status, body } = await create(json);
    expect(status).toBe(422);
    expect(body.errors!.map((problem) => problem.pointer)).toContain(pointer);
  });

  test('are changed in what is named, which is recorded without the path of the URL', async () => {
    const { body: made } = await create({ url: HOOK_URL });
    const path = `/api/v1/webhooks/${made.id}`;
    const change = (json: object) =>
      aos.request<WebhookView & Pick<Failure, 'errors'>>(path, { method: 'PATCH', json });
    const { body } = await change({ url: 'https://example.org/private/path', events: ['run.*'] });
    expect(body).toMatchObject({ events: ['run.*'], status: 'enabled', description: null });
    expect((await change({ url: 'http://127.0.0.1/' })).body.errors).toMatchObject([
      { pointer: '/url', code: 'EGRESS_BLOCKED' },
    ]);
    const same = await change({ events: ['run.*'] });
    expect(same.body.updated_at).toBe(body.updated_at);
    const { body: audit } = await aos.request<{ data: { operation: string; subject: string }[] }>(
      '/api/v1/audit?kind=change',
    );
    const ours = audit.data.filter(({ subject }) => subject === made.id);
    expect(ours.map(({ operation }) => operation)).toEqual(['updateWebhook', 'createWebhook']);
    expect(JSON.stringify(ours)).not.toContain('private/path');
  });

  test('and their deliveries are listed page by page, the newest first', async () => {
    const key = await aos.createKey('pages');
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1)
      made.unshift((await create({ url: HOOK_URL }, key)).body.id);
    const walk = async (path: string): Promise<string[]> => {
      const ids: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page: Answer<WebhookPage | WebhookDeliveryPage> = await aos.request(
          `${path}limit=2${query}`,
          { key },
        );
        expect(page.status).toBe(200);
        ids.push(...page.body.data.map(({ id }: { id: string }) => id));
        cursor = page.body.next_cursor;
      }
      return ids;
    };
    expect(await walk('/api/v1/webhooks?')).toEqual(made);
    const sent: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const path = `/api/v1/webhooks/${made[0]}/test`;
      sent.unshift((await aos.request<{ id: string }>(path, { json: {}, key })).body.id);
    }
    const deliveries = `/api/v1/webhooks/${made[0]}/deliveries?`;
    expect(await walk(deliveries)).toEqual(sent);
    expect(await walk(`${deliveries}status=pending&`)).toEqual(sent);
    expect(await walk(`${deliveries}status=failed&`)).toEqual([]);
    const wrong = await aos.request(`${deliveries}status=lost`, { key });
    expect(wrong.status).toBe(422);
    const foreign = await aos.request('/api/v1/webhooks?cursor=abc', { key });
    expect(foreign).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
  });

  test('are as many as a tenant may have', async () => {
    const key = await aos.createKey('many');
    for (let count = 0; count < ENDPOINTS_PER_TENANT_MAX; count += 1)
      await insertWebhookRow(aos.pool, 'many', 'one of many');
    const refused = await create({ url: HOOK_URL }, key);
    expect(refused).toMatchObject({ status: 409, body: { code: 'WEBHOOKS_EXCEEDED' } });
    const { body } = await aos.request<WebhookPage>('/api/v1/webhooks?limit=1', { key });
    await aos.request(`/api/v1/webhooks/${body.data[0]!.id}`, { method: 'DELETE', key });
    expect((await create({ url: HOOK_URL }, key)).status).toBe(201);
  });

  test('of its own agent are all that a bound key sees', async () => {
    const admin = await aos.createKey('bound');
    const agent = await insertAgentRow(aos.pool, { tenant_id: 'bound' });
    const { body: own } = await create({ url: HOOK_URL, agent_id: agent }, admin);
    const { body: other } = await create({ url: HOOK_URL }, admin);
    const viewer = await aos.createKey('bound', null, 'viewer');
    await aos.pool.query('UPDATE api_keys SET agent_id = $1 WHERE hash = $2', [
      agent,
      createHashKey(PEPPER)(viewer),
    ]);
    const { body } = await aos.request<WebhookPage>('/api/v1/webhooks', { key: viewer });
    expect(body.data.map(({ id }) => id)).toEqual([own.id]);
    for (const path of ['', '/deliveries']) {
      const at = (id: string) => aos.request(`/api/v1/webhooks/${id}${path}`, { key: viewer });
      expect((await at(own.id)).status).toBe(200);
      expect(await at(other.id)).toMatchObject({
        status: 403,
        body: { code: 'KEY_BOUND_TO_AGENT' },
      });
    }
  });

  test.each([
    ['the future', () => Date.now() + 3600_000],
    ['a year ago', () => Date.now() - 365 * 86_400_000],
  ])('are not replayed since %s', async (_, since) => {
    const { body } = await create({ url: HOOK_URL });
    const refused = await aos.request<Failure>(`/api/v1/webhooks/${body.id}/replay`, {
      json: { since: new Date(since()).toISOString() },
    });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/since' }] } });
  });
});
