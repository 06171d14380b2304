import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseExposition, valueOf } from '../support/exposition.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const PLAN = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];

describe('the metrics of HTTP', () => {
  let aos: Harness;
  const lines: Record<string, unknown>[] = [];
  beforeAll(async () => {
    aos = await startHarness({
      reconciler: false,
      onLog: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    });
  });
  afterAll(() => aos.stop());

  const scrape = async () => parseExposition(await aos.deps.metrics.register.metrics());
  const requests = async (method: string, route: string, status: number): Promise<number> => {
    const labels = { method, route, status: String(status) };
    return valueOf(await scrape(), 'aos_http_requests_total', labels);
  };
  const answered = (facts: Record<string, unknown>) =>
    lines.filter((line) =>
      Object.entries({ event: 'request.answered', ...facts }).every(
        ([name, value]) => line[name] === value,
      ),
    );

  test('count and time a request under the template of its route', async () => {
    const run = await aos.run(PLAN);
    await aos.request(`/api/v1/runs/${run.run_id}/ledger`);
    await aos.request(`/api/v1/runs/${run.run_id}/ledger?limit=1`);
    const route = '/api/v1/runs/:run_id/ledger';
    expect(await requests('GET', route, 200)).toBe(2);
    expect(await requests('POST', '/api/v1/runs', 202)).toBe(1);
    const families = await scrape();
    const labels = { method: 'GET', route };
    expect(valueOf(families, 'aos_http_request_seconds_count', labels)).toBe(2);
    expect(valueOf(families, 'aos_http_request_seconds_sum', labels)).toBeGreaterThan(0);
  });

  test('tell apart what was answered, also when that is an error', async () => {
    await aos.request('/health', { key: null });
    await aos.request('/api/v1/runs/run_1');
    await aos.request('/api/v1/runs', { json: { plan: 'none' } });
    expect(await requests('GET', '/health', 200)).toBe(1);
    expect(await requests('GET', '/api/v1/runs/:run_id', 404)).toBe(1);
    expect(await requests('POST', '/api/v1/runs', 422)).toBe(1);
  });

  test('make one series of a thousand paths, and none of a request without a key', async () => {
    const paths = Array.from({ length: 1_000 }, (_, index) => `/nothing/here-${index}?n=${index}`);
    for (let from = 0; from < paths.length; from += 50)
      await Promise.all(paths.slice(from, from + 50).map((path) => aos.request(path)));
    await aos.request('/api/v1/runs', { key: 'aos_wrong' });
    await aos.request('/api/v1/runs', { method: 'DELETE' });
    const unmatched = (await scrape())
      .get('aos_http_requests_total')!
      .samples.filter(({ labels }) => labels['route'] === 'unmatched');
    expect(
      unmatched.map(({ labels, value }) => [labels['method'], labels['status'], value]),
    ).toEqual(
      expect.arrayContaining([
        ['GET', '404', 1_000],
        ['GET', '401', 1],
        ['DELETE', '405', 1],
      ]),
    );
    expect(unmatched).toHaveLength(3);
  });

  test('call every method that they do not know OTHER, and count what is no HTTP', async () => {
    await aos.request('/health', { key: null, method: 'PROPFIND' });
    const { hostname, port } = new URL(aos.url);
    const socket = connect(Number(port), hostname);
    socket.end('this is not HTTP\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect(await requests('OTHER', 'unmatched', 405)).toBe(1);
    expect(await requests('OTHER', 'unmatched', 400)).toBe(1);
  });

  test('go with a line of the log for each request, with its id and its run', async () => {
    lines.length = 0;
    const { headers, body } = await aos.request<{ run_id: string }>('/api/v1/runs', {
      json: { plan: PLAN },
    });
    const [line, ...others] = answered({ request_id: headers.get('x-request-id') });
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      level: 30,
      method: 'POST',
      route: '/api/v1/runs',
      status: 202,
      run_id: body.run_id,
    });
    expect(line!['duration_ms']).toBeGreaterThanOrEqual(0);

    await aos.request('/api/v1/nothing?with=secrets', { method: 'POST' });
    expect(answered({ method: 'POST', status: 404 })).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('nothing');
    await aos.request(`/api/v1/runs/${body.run_id}`);
    expect(answered({ method: 'GET', run_id: body.run_id })[0]).toMatchObject({ level: 30 });
  });

  test('go with one line for each thing that happened to a run', async () => {
    lines.length = 0;
    const { run_id } = await aos.run([
      ...PLAN,
      { id: 'read', skill: 'fs_read', params: { path: 'nowhere.txt' } },
    ]);
    const told = lines.filter(
      ({ run_id: of, level, event }) =>
        of === run_id && level === 30 && event !== 'request.answered',
    );
    expect(told.map((line) => line['event'])).toEqual([
      'run.accepted',
      'run.started',
      'step.succeeded',
      'step.failed',
      'run.failed',
    ]);
    expect(told[3]).toMatchObject({
      service: 'test',
      step_id: 'read',
      skill: 'fs_read',
      role: 'main',
      try: 1,
      code: 'FS_NOT_FOUND',
      duration_ms: expect.any(Number),
    });
    expect(told[4]).toMatchObject({ code: 'FS_NOT_FOUND', duration_ms: expect.any(Number) });
  });
});
