import type { Json } from '../../src/contracts/json.ts';

/** Steps in order, each a no-op that passes on what the one before gave; all of one chain. */
export const inlinePlan = (steps: number): Json =>
  Array.from({ length: steps }, (_, i) => ({
    skill: 'json_transform',
    params: { query: '.', ...(i === 0 && { data: { i } }) },
  }));

/** Calls in order, or all together. */
export const callPlan = (steps: number, url: string, order: 'sequential' | 'parallel'): Json =>
  Array.from({ length: steps }, () => ({
    skill: 'http_call',
    params: { url },
    ...(order === 'parallel' && { depends_on: [] }),
  }));
