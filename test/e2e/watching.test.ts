import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../src/contracts/run.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import type { Family } from '../support/exposition.ts';
import { startAos } from '../support/started.ts';
import type { Started } from '../support/started.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const KEY = `aos_${'adminkey'.repeat(5)}`;
const WRONG_KEY = `aos_${'wrongkey'.repeat(5)}`;
const PEPPER = 'pepper-of-the-test-'.repeat(3);
const SMTP_PASSWORD = 'smtp-password-of-the-test';
const MODEL_KEY = 'sk-key-of-a-provider';
const TOKEN = 'token-in-a-header';
const QUERY = 'secret-in-a-query';
const CONTENT = 'content-of-a-file';

type Families = Map<string, Family>;

describe('a watched AOS', () => {
  let dataDir: string;
  let world: World;
  let aos: Started;
  let urls: { api: string; worker: string };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'aos-watching-'));
    world = await startWorld();
    const settings = {
      AOS_DATA_DIR: dataDir,
      AOS_PORT: '0',
      TEMPORAL_UI_PORT: '0',
      AOS_ADMIN_KEY: KEY,
      AOS_KEY_PEPPER: PEPPER,
      AOS_SECRETS_KEY: 's'.repeat(40),
      AOS_EGRESS_ALLOW: world.target,
      SMTP_URL: `smtp://user:${SMTP_PASSWORD}@127.0.0.1:1`,
      AOS_EMAIL_FROM: 'aos@example.org',
      OPENAI_API_KEY: MODEL_KEY,
      OPENAI_BASE_URL: `http://${world.target}/v1`,
      LOG_LEVEL: 'debug',
    };
    aos = await startAos(settings, KEY);
    const [, api, worker] = / metrics (\S+) and (\S+)/.exec(aos.line)!;
    urls = { api: api!, worker: worker! };
  });
  afterAll(async () => {
    await aos.killAll();
    await world.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const scrape = async (url: string) => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    return parseExposition(await response.text());
  };
  async function scrapeUntil(url: string, isWanted: (families: Families) => boolean) {
    for (;;) {
      const families = await scrape(url).catch(() => undefined);
      if (families && isWanted(families)) return families;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const namesOf = (families: Families, prefix: string): string[] =>
    [...families.keys()].filter((name) => name.startsWith(prefix)).toSorted();
  const declaredFor = (process: string): string[] =>
    Object.entries(METRICS)
      .filter(([, { of }]) => of === process || of === 'both')
      .map(([name]) => name)
      .toSorted();
  async function run(plan: unknown): Promise<Run> {
    const { status, body } = await aos.request<Run>('/api/v1/runs', { plan });
    expect(status).toBe(202);
    return aos.ended(body.run_id);
  }

  test('shows what each of its processes counts, and Temporal beside the worker alone', async () => {
    await run([
      { id: 'call', skill: 'http_call', params: { url: `http://${world.target}/` } },
      { id: 'take', skill: 'json_transform', params: { query: '.ok' } },
    ]);
    const succeeded = { status: 'succeeded', code: 'none' };
    const isAlive = (families: Families) => valueOf(families, 'aos_workers_alive') === 1;
    const api = await scrapeUntil(urls.api, isAlive);
    const worker = await scrapeUntil(
      urls.worker,
      (families) =>
        isAlive(families) &&
        valueOf(families, 'aos_runs_ended_total', succeeded) === 1 &&
        families.get('aos_ledger_violations')!.samples.length === 8,
    );
    expect(namesOf(api, 'aos_')).toEqual(declaredFor('api'));
    expect(namesOf(worker, 'aos_')).toEqual(declaredFor('worker'));
    for (const families of [api, worker]) {
      expect(namesOf(families, 'process_')).toContain('process_cpu_seconds_total');
      expect(namesOf(families, 'nodejs_')).toContain('nodejs_eventloop_lag_seconds');
    }
    expect(valueOf(api, 'aos_runs_accepted_total')).toBe(1);
    expect(valueOf(worker, 'aos_ledger_violations', { invariant: 'I1' })).toBe(0);
    expect(namesOf(api, 'temporal_')).toEqual([]);
    expect(namesOf(worker, 'temporal_')).toEqual(
      expect.arrayContaining([
        'temporal_worker_task_slots_available',
        'temporal_activity_execution_latency_seconds',
      ]),
    );
  });

  test('has the metrics of a worker that was killed at their old place', async () => {
    const startedAt = (families: Families) => valueOf(families, 'process_start_time_seconds');
    const before = startedAt(await scrape(urls.worker));
    await aos.killOne('worker.js');
    const isNew = (families: Families) => startedAt(families) !== before;
    const families = await scrapeUntil(urls.worker, isNew);
    expect(namesOf(families, 'aos_')).toEqual(declaredFor('worker'));
  });

  test('writes one line an event, and never a secret', async () => {
    const failed = await run([
      {
        id: 'sent',
        skill: 'http_call',
        params: {
          url: `http://${world.target}/${QUERY}`,
          headers: { Authorization: `Bearer ${TOKEN}` },
        },
      },
      {
        id: 'call',
        skill: 'http_call',
        params: {
          method: 'POST',
          url: `http://user-secret:${TOKEN}@${world.target}/${QUERY}`,
          headers: { Authorization: `Bearer ${TOKEN}` },
          body: CONTENT,
        },
        on_error: 'skip',
      },
      {
        id: 'again',
        skill: 'http_call',
        params: {
          url: `http://127.0.0.1:1/${QUERY}?key=${QUERY}`,
          headers: { Authorization: `Bearer ${TOKEN}`, Cookie: TOKEN },
        },
        on_error: 'skip',
      },
      {
        id: 'model',
        skill: 'llm_invoke',
        params: { prompt: CONTENT, model: 'openai/gpt-4.1-mini', max_tokens: 5 },
        retry: { max_attempts: 1 },
        on_error: 'skip',
      },
      { id: 'file', skill: 'fs_write', params: { path: `${QUERY}.txt`, content: CONTENT } },
      {
        id: 'mail',
        skill: 'email_send',
        params: { to: ['someone@example.org'], subject: CONTENT, body: CONTENT },
        retry: { max_attempts: 1 },
      },
    ]);
    expect(failed).toMatchObject({ status: 'failed' });
    for (const headers of [{ 'X-API-Key': WRONG_KEY }, { Authorization: `Bearer ${WRONG_KEY}` }])
      expect((await fetch(`${aos.url}/api/v1/runs?key=${QUERY}`, { headers })).status).toBe(401);
    await fetch(`${aos.url}/${QUERY}`, { method: 'POST', headers: { 'X-API-Key': KEY } });
    await aos.request('/api/v1/runs', { plan: [{ skill: QUERY, [TOKEN]: CONTENT }] });
    expect(await aos.interrupt()).toBe(0);

    const output = aos.output();
    const lines = output.split('\n').filter((line) => line.startsWith('{'));
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const names = new Set(events.map(({ event }) => event));
    expect([...names]).toEqual(
      expect.arrayContaining(['request.answered', 'run.accepted', 'step.skipped', 'run.failed']),
    );
    expect(events.every(({ event, service }) => event && service)).toBe(true);
    const secrets = { KEY, WRONG_KEY, PEPPER, SMTP_PASSWORD, MODEL_KEY, TOKEN, QUERY, CONTENT };
    const told = Object.entries(secrets).filter(([, secret]) => output.includes(secret));
    expect(told).toEqual([]);
    // A run that fails is no fault of the worker.
    const troubles = events.filter(
      ({ level, event }) => Number(level) > 30 && event === 'temporal',
    );
    expect(troubles).toEqual([]);
  });
});
