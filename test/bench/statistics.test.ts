import { expect, test } from '@jest/globals';
import { quantile, spreadOf } from '../../bench/measure/statistics.ts';

test('a quantile is the value of the nearest rank, whatever the order', () => {
  const values = [5, 1, 4, 2, 3, 10, 6, 9, 8, 7];
  expect(quantile(values, 0.5)).toBe(5);
  expect(quantile(values, 0.99)).toBe(10);
  expect(quantile(values, 0)).toBe(1);
  expect(quantile([7], 0.99)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});

test('a spread has the middle of the rounds, or the mean of the two in the middle', () => {
  expect(spreadOf([3, 100, 1])).toEqual({ median: 3, min: 1, max: 100 });
  expect(spreadOf([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
});
