import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { serveMetrics } from '../../src/bin/serve-metrics.ts';
import type { ServeMetrics } from '../../src/bin/serve-metrics.ts';
import { createMetrics } from '../../src/telemetry/instruments.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { Listening } from '../../src/http-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';

const TEMPORAL = '# HELP temporal_x of Temporal\n# TYPE temporal_x counter\ntemporal_x{a="b"} 3';

describe('the metrics of a process', () => {
  let database: TestDatabase;
  const servers: Listening[] = [];
  const lines: string[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    lines.length = 0;
  });
  afterAll(() => database.drop());

  async function start(options: Partial<ServeMetrics> = {}): Promise<Listening> {
    const metrics = createMetrics({ service: 'both', isSkill: () => true });
    const logger = createLogger('debug', 'test', { write: (line) => lines.push(line) });
    const server = await serveMetrics(
      { pool: database.pool, metrics, logger },
      { host: '127.0.0.1', port: 0, setting: 'AOS_METRICS_PORT', ...options },
    );
    servers.push(server);
    return server;
  }
  const scrape = async ({ url }: Listening) => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    return parseExposition(await response.text());
  };

  test('have the process itself and the record with them', async () => {
    const families = await scrape(await start());
    expect(valueOf(families, 'process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(families.get('aos_money_held_cents')!.samples).toHaveLength(1);
    // An audit is for who was told to make one.
    expect(families.get('aos_ledger_violations')!.samples).toEqual([]);
    expect(valueOf(families, 'aos_scrape_errors_total', { source: 'ledger' })).toBe(0);
  });

  test('end with those of Temporal', async () => {
    const families = await scrape(await start({ readTemporal: () => Promise.resolve(TEMPORAL) }));
    expect(valueOf(families, 'temporal_x', { a: 'b' })).toBe(3);
    expect([...families.keys()].at(-1)).toBe('temporal_x');
  });

  test('do without Temporal when it does not answer, count that and say why', async () => {
    const families = await scrape(
      await start({ readTemporal: () => Promise.reject(new Error('no answer')) }),
    );
    expect([...families.keys()]).not.toContain('temporal_x');
    expect(valueOf(families, 'aos_scrape_errors_total', { source: 'temporal' })).toBe(1);
    expect(families.get('aos_money_held_cents')!.samples).toHaveLength(1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: 'metrics.source_failed', source: 'temporal', reason: 'no answer' },
    ]);
  });

  test('name the setting of a port that is busy', async () => {
    const port = Number(new URL((await start()).url).port);
    await expect(start({ port, setting: 'AOS_WORKER_METRICS_PORT' })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is busy. Set AOS_WORKER_METRICS_PORT to another one.`,
    );
  });
});
