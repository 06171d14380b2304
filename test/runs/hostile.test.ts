import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run, RunPage } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

/** A JSON document with a NUL and half a surrogate pair: ordinary in what the world answers. */
const ODD_JSON = '{"text":"a\\u0000b\\ud800c"}';

describe('hostile programs and answers', () => {
  let aos: Harness;
  let world: Server;
  let target: string;

  beforeAll(async () => {
    world = createServer((_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(ODD_JSON);
    });
    world.listen(0, '127.0.0.1');
    await once(world, 'listening');
    target = `127.0.0.1:${(world.address() as AddressInfo).port}`;
    aos = await startHarness({ egressAllow: target });
  });
  afterAll(async () => {
    world.close();
    world.closeAllConnections();
    await aos.stop();
  });

  test('40 endless programs of one tenant do not hold up a small run of another', async () => {
    const other = await aos.createKey('other');
    const programs = [
      'def f: f; f',
      '"\\("a" * 40)!" | test("(a+)+$")',
      'last(range(1e12))',
      '[range(1e9)]',
    ];
    // The regex engine gives up by itself after ten million retries; the others end in the ways of the pool alone.
    const ends = ['CANCELLED', 'TIMEOUT', 'TRANSFORM_OUT_OF_MEMORY'];
    const endsOf = [ends, [...ends, 'TRANSFORM_FAILED'], ends, ends];
    const hostile = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        aos.submit([
          {
            skill: 'json_transform',
            params: { query: programs[index % programs.length]!, data: null, timeout_ms: 20_000 },
          },
        ]),
      ),
    );
    const { body } = await aos.request<Run>('/api/v1/runs', {
      key: other,
      json: {
        plan: ['. + 1', '. * 2', '{answer: .}'].map((query, index) => ({
          skill: 'json_transform',
          params: { query, ...(index === 0 && { data: 20 }) },
        })),
      },
    });
    const small = await aos.request<Run>(`/api/v1/runs/${body.run_id}?wait=20s`, { key: other });
    expect(small.body).toMatchObject({ status: 'succeeded', output: { answer: 42 } });
    // Of the 20 endless ones, each with 20 s on the one thread that a tenant gets, at most one can have ended.
    const still = await aos.request<RunPage>('/api/v1/runs?status=running&limit=100');
    expect(still.body.data.length).toBeGreaterThanOrEqual(19);

    await Promise.all(
      hostile.map((run) => aos.request(`/api/v1/runs/${run.run_id}/cancel`, { json: {} })),
    );
    const ended = await Promise.all(hostile.map((run) => aos.ended(run.run_id)));
    for (const [index, run] of ended.entries()) {
      const code = 'failure' in run ? run.failure.code : run.status;
      expect(endsOf[index % programs.length]).toContain(code);
    }
  });

  test('an endless program ends at its time limit and is told so', async () => {
    const params = { query: 'def f: f; f', data: null, timeout_ms: 400 };
    const run = await aos.run([{ skill: 'json_transform', params }]);
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'TIMEOUT', retryable: false } });
  });

  test('a NUL and half a surrogate pair in a response survive', async () => {
    const run = await aos.run([
      { id: 'get', skill: 'http_call', params: { url: `http://${target}/` } },
      { id: 'text', skill: 'json_transform', params: { query: '.text' } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: 'a\0b\ud800c' });
    const response = await fetch(`${aos.url}/api/v1/runs/${run.run_id}/steps/get/output`, {
      headers: { 'X-API-Key': aos.key },
    });
    expect(await response.text()).toContain('a\\u0000b\\ud800c');
  });

  test('a value that is named like a part of an object stays data', async () => {
    const run = await aos.run([
      { id: 'get', skill: 'http_call', params: { url: `http://${target}/` } },
      {
        id: 'use',
        skill: 'json_transform',
        params: { data: '{{steps.get.output.constructor}}', query: '.' },
      },
    ]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'REFERENCE_MISSING', step_id: 'use' },
    });
  });
});
