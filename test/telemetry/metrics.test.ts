import { describe, expect, test } from '@jest/globals';
import { metricsPage } from '../../src/bin/metrics-page.ts';
import { LABELS, METRICS } from '../../src/telemetry/metrics.ts';
import type { MetricDeclaration } from '../../src/telemetry/metrics.ts';

const metrics = Object.entries<MetricDeclaration>(METRICS);

describe('the declarations of metrics', () => {
  test.each(metrics)('%s is named by the conventions of Prometheus', (name, { type, buckets }) => {
    expect(name).toMatch(/^aos(_[a-z]+)+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|millis|micro|count|sum|bucket)(_|$)/);
    expect(buckets !== undefined).toBe(type === 'histogram');
    if (type !== 'histogram') return;
    expect(name).toMatch(/_seconds$/);
    expect(buckets).toEqual(buckets!.toSorted((a, b) => a - b));
  });

  test.each(metrics)('%s says what it means in sentences', (_name, { help }) => {
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(help).not.toMatch(/[\n|]/);
  });

  test('use every label, and say what values it has', () => {
    const used = new Set(metrics.flatMap(([, { labels }]) => labels));
    expect([...used].toSorted()).toEqual(Object.keys(LABELS).toSorted());
  });

  test('have no label that a caller could fill', () => {
    const forbidden = /tenant|run_id|step_id|url|path|host|model|key|agent|message/;
    expect(Object.keys(LABELS).filter((label) => forbidden.test(label))).toEqual([]);
  });

  test('are all on the page, with their labels', () => {
    const page = metricsPage();
    for (const [name, { labels, help }] of metrics) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
      expect(row).toContain(help);
      for (const label of labels) expect(row).toContain(`\`${label}\``);
    }
  });
});
