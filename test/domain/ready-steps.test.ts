import { expect, test } from '@jest/globals';
import type { StepStatus } from '../../src/contracts/activities.ts';
import { readySteps } from '../../src/domain/ready-steps.ts';

const steps = [
  { id: 'a', depends_on: [] },
  { id: 'b', depends_on: ['a'] },
  { id: 'c', depends_on: ['a'] },
  { id: 'd', depends_on: ['b', 'c'] },
];
const ready = (statuses: Record<string, StepStatus>): string[] =>
  readySteps(steps, (id) => statuses[id] ?? 'pending').map((step) => step.id);

test('a step waits for every step it depends on', () => {
  expect(ready({})).toEqual(['a']);
  expect(ready({ a: 'succeeded' })).toEqual(['b', 'c']);
  expect(ready({ a: 'succeeded', b: 'succeeded', c: 'running' })).toEqual([]);
  expect(ready({ a: 'succeeded', b: 'succeeded', c: 'succeeded' })).toEqual(['d']);
});

test('a skipped step counts as done, a failed one does not', () => {
  expect(ready({ a: 'skipped' })).toEqual(['b', 'c']);
  expect(ready({ a: 'failed' })).toEqual([]);
});
