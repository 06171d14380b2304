import { expect, test } from '@jest/globals';
import { seriesOf } from '../../bench/api/fire.ts';
import type { Series } from '../../bench/api/fire.ts';
import { ratioOf } from '../../bench/api/paired.ts';
import type { PairedRound } from '../../bench/api/paired.ts';
import { aimOf, reportPairings } from '../../bench/api/report.ts';

const series = (requestsPerSecond: number): Series => ({
  requests: 100,
  requestsPerSecond,
  p50Ms: 1,
  p95Ms: 2,
  p99Ms: 3,
  cpuMs: 0.25,
});
const round = (target: number, against: number): PairedRound => ({
  target: series(target),
  against: series(against),
});
const NOBODY = { url: 'http://127.0.0.1:1', status: 200, pid: 0 };
const pairing = { name: '/health', target: NOBODY, against: NOBODY };

test('a series is told by its whole time, by the quantiles of its requests, and by what one costs', () => {
  const latencies = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(seriesOf(latencies, { elapsedMs: 2_000, cpuSeconds: 0.5 })).toEqual({
    requests: 100,
    requestsPerSecond: 50,
    p50Ms: 50,
    p95Ms: 95,
    p99Ms: 99,
    cpuMs: 5,
  });
});

test('a ratio is that of each round, so that a slow moment of the machine weighs on both sides', () => {
  const rounds = [round(80, 100), round(8, 10), round(900, 1_000)];
  expect(ratioOf(rounds)).toEqual({ median: 0.8, min: 0.8, max: 0.9 });
  const slower = { target: { ...series(80), p50Ms: 3 }, against: series(100) };
  expect(ratioOf([slower], 'p50Ms').median).toBe(3);
});

test('an aim is met or missed by the median ratio, and a pairing without one has none', () => {
  const rounds = [round(70, 100), round(79, 100), round(99, 100)];
  expect(aimOf({ pairing, rounds })).toBeUndefined();
  const aimed = { pairing: { ...pairing, ratioMin: 0.8 }, rounds };
  expect(aimOf(aimed)).toEqual({ what: '/health, requests/s, ratio', value: 0.79, min: 0.8 });
  expect(reportPairings([aimed])).toContain('0.79 (0.7–0.99)  ≥ 0.8: MISSED');
});
