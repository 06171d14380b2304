import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../src/telemetry/instruments.ts';
import type { Metrics } from '../../src/telemetry/instruments.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { parseExposition } from '../support/exposition.ts';

const isSkill = (id: string): boolean => id === 'http_call';
const create = (service: 'api' | 'worker' | 'both' = 'both') => createMetrics({ service, isSkill });
const samplesOf = async ({ register }: Metrics, name: string) =>
  parseExposition(await register.metrics()).get(name)?.samples;

describe('metrics', () => {
  test.each(['api', 'worker'] as const)(
    'of the %s show what it can count alone',
    async (service) => {
      const shown = parseExposition(await create(service).register.metrics());
      const declared = Object.entries(METRICS).filter(
        ([, { of }]) => of === service || of === 'both',
      );
      expect([...shown.keys()].toSorted()).toEqual(declared.map(([name]) => name).toSorted());
    },
  );

  test('stand on a registry of their own', async () => {
    const [one, other] = [create(), create()];
    one.runAccepted();
    expect(await samplesOf(one, 'aos_runs_accepted_total')).toMatchObject([{ value: 1 }]);
    expect(await samplesOf(other, 'aos_runs_accepted_total')).toMatchObject([{ value: 0 }]);
  });

  test('know the skills of the installation and the codes of the catalogue, and no others', async () => {
    const metrics = create();
    const end = { role: 'main', status: 'failed', costCents: 0 } as const;
    for (let n = 0; n < 100; n += 1)
      metrics.tryEnded({ ...end, skill: `made-up-${n}`, code: `MADE_UP_${n}` });
    metrics.tryEnded({ ...end, skill: 'http_call', code: 'TIMEOUT' });
    metrics.tryEnded({ ...end, skill: 'http_call', code: 'toString' });
    const samples = await samplesOf(metrics, 'aos_tries_ended_total');
    expect(samples!.map(({ labels, value }) => [labels['skill'], labels['code'], value])).toEqual([
      ['other', 'other', 100],
      ['http_call', 'TIMEOUT', 1],
      ['http_call', 'other', 1],
    ]);
  });

  test('show no value of the record before it was read, and none that is old', async () => {
    const metrics = create();
    const names = [
      'aos_runs_open',
      'aos_runs_overdue',
      'aos_webhook_deliveries_open',
      'aos_ledger_audit_timestamp_seconds',
    ];
    const counts = async () =>
      Promise.all(names.map(async (name) => (await samplesOf(metrics, name))!.length));
    expect(await counts()).toEqual([0, 0, 0, 0]);
    metrics.showState({
      openRuns: [{ status: 'queued', count: 2, oldestSeconds: 3 }],
      overdueRuns: 0,
      runningSteps: 0,
      openHolds: 0,
      heldMicroCents: 1_500_000,
      settledMicroCents: 0,
      overageMicroCents: 0,
      aliveWorkers: 1,
      openDeliveries: [{ status: 'pending', count: 4 }],
    });
    metrics.showAudit({ violations: new Map([['I1', 0]]), at: new Date(5_000) });
    expect(await counts()).toEqual([1, 1, 1, 1]);
    expect(await samplesOf(metrics, 'aos_money_held_cents')).toMatchObject([{ value: 1.5 }]);
    metrics.showState(undefined);
    metrics.showAudit(undefined);
    expect(await counts()).toEqual([0, 0, 0, 0]);
  });
});
