import { expect, test } from '@jest/globals';
import { takesEvent } from '../../src/domain/event-patterns.ts';

test.each<[string[] | null, string, boolean]>([
  [null, 'run.started', true],
  [['run.*'], 'run.started', true],
  [['run.started'], 'run.started', true],
  [['step.*', 'run.failed'], 'run.started', false],
  [['step.*'], 'step.compensation_failed', true],
  [['run.start'], 'run.started', false],
  [['budget.*'], 'budget.threshold_reached', true],
])('%j and %s: %s', (patterns, type, isTaken) => {
  expect(takesEvent(patterns, type)).toBe(isTaken);
});
