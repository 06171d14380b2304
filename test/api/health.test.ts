import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Health } from '../../src/contracts/routes/system.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

interface Ready {
  status: string;
  parts: { postgres: boolean; temporal: boolean; worker: boolean };
  detail?: string;
  timestamp: string;
}

describe('GET /health', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ reconciler: false });
  });
  afterAll(async () => {
    await aos.stop();
  });

  const ready = () => aos.request<Ready>('/health/ready', { key: null });
  const beat = (secondsAgo: number) =>
    aos.pool.query(`UPDATE workers SET beat_at = now() - $1 * interval '1 second'`, [secondsAgo]);

  test('says that the process answers', async () => {
    for (const path of ['/health', '/healthz']) {
      const { status, body } = await aos.request<Health>(path, { key: null });
      expect(status).toBe(200);
      expect(body).toEqual({
        status: 'healthy',
        service: 'aos',
        version: 'test',
        timestamp: expect.any(String),
        rate_limits: { store: 'memory', degraded: false },
      });
      expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(60_000);
    }
    expect((await aos.request('/version', { key: null })).body).toEqual({
      service: 'aos',
      version: 'test',
    });
  });

  test('/ready says that all that a run needs answers', async () => {
    await beat(0);
    const { status, body } = await ready();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'ready',
      parts: { postgres: true, temporal: true, worker: true },
      rate_limits: { store: 'memory', degraded: false },
    });
    expect(body).not.toHaveProperty('detail');
  });

  test('/ready misses a worker whose last beat is over 15 s old, until one beats again', async () => {
    await beat(14);
    expect((await ready()).status).toBe(200);
    await beat(15.5);
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'not_ready',
      parts: { postgres: true, temporal: true, worker: false },
      detail: 'No answer from: worker.',
    });
    await aos.pool.query(`INSERT INTO workers (id) VALUES ('another')`);
    expect((await ready()).body.parts.worker).toBe(true);
    await aos.pool.query(`DELETE FROM workers`);
    expect((await ready()).body.parts.worker).toBe(false);
  });

  test('/ready misses Postgres and Temporal when they do not answer, while /health goes on', async () => {
    const lost = await startHarness({ worker: false, reconciler: false });
    await lost.client.connection.close();
    const withoutTemporal = await lost.request<Ready>('/health/ready', { key: null });
    expect(withoutTemporal).toMatchObject({
      status: 503,
      body: {
        parts: { postgres: true, temporal: false, worker: false },
        detail: 'No answer from: temporal, worker.',
      },
    });
    expect((await lost.request('/health', { key: null })).status).toBe(200);
    await lost.stop();
  });
});
