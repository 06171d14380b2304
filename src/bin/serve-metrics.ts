import { collectDefaultMetrics } from 'prom-client';
import type { Listening } from '../http-server.ts';
import type { RunDeps } from '../runs/deps.ts';
import { readAudit, readState } from '../storage/gauges.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { createReading } from '../telemetry/reading.ts';
import type { Reading } from '../telemetry/reading.ts';
import { createScrape } from '../telemetry/scrape.ts';

const STATE_FRESH_MS = 3_000;
const AUDIT_FRESH_MS = 60_000;
const WAIT_MS = 2_000;

export interface ServeMetrics {
  host: string;
  port: number;
  /** The name of the setting that gives the port. */
  setting: string;
  /** Whether this process audits the ledger. */
  audits?: boolean;
  readTemporal?: () => Promise<string>;
}

/** Serves what this process counts, what the record says, and, in a worker, the audit and Temporal's own metrics. */
export async function serveMetrics(
  { pool, metrics, logger }: Pick<RunDeps, 'pool' | 'metrics' | 'logger'>,
  { host, port, setting, audits, readTemporal }: ServeMetrics,
): Promise<Listening> {
  collectDefaultMetrics({ register: metrics.register });
  const reading = <T>(
    source: string,
    take: () => Promise<T>,
    options: { freshMs: number; keepsOld: boolean },
  ): Reading<T> =>
    createReading({
      ...options,
      take,
      waitMs: WAIT_MS,
      onError: (error) => logger.warn('metrics.source_failed', { source, reason: reasonOf(error) }),
    });
  const now = { freshMs: 0, keepsOld: false };
  const scrape = createScrape(metrics, {
    state: reading('postgres', () => readState(pool), { ...now, freshMs: STATE_FRESH_MS }),
    ...(audits && {
      audit: reading('ledger', () => readAudit(pool), { freshMs: AUDIT_FRESH_MS, keepsOld: true }),
    }),
    ...(readTemporal && { temporal: reading('temporal', readTemporal, now) }),
  });
  const { contentType } = metrics.register;
  return startMetricsServer({ host, port, scrape, contentType, logger }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      throw new Error(`Port ${port} on ${host} is busy. Set ${setting} to another one.`, {
        cause: error,
      });
    },
  );
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
