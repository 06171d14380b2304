import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ancestorsOf,
  dependenciesAsWritten,
  dependenciesInOrder,
  findCycles,
  topologicalOrder,
} from '../../../src/domain/plan/graph.ts';

const asWritten = (graph: Record<string, string[] | undefined>) => {
  const ids = Object.keys(graph);
  return dependenciesAsWritten(
    ids.map((id) => ({ id, depends_on: graph[id] })),
    new Map(ids.map((id, index) => [id, index])),
  );
};

/** Edges of any shape: each step may wait for any other. */
const anyGraph = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 4 }), {
      minLength: size,
      maxLength: size,
    }),
  )
  .map((lists) => lists.map((list, step) => list.filter((dependency) => dependency !== step)));

const acyclicGraph = anyGraph.map((lists) =>
  lists.map((list, step) => list.filter((dependency) => dependency < step)),
);

const reaches = (lists: number[][], from: number, to: number, seen = new Set<number>()): boolean =>
  lists[from]!.some((dependency) => {
    if (dependency === to) return true;
    if (seen.has(dependency)) return false;
    seen.add(dependency);
    return reaches(lists, dependency, to, seen);
  });

test('in order, every step waits for the one before it', () => {
  expect(dependenciesInOrder(3)).toEqual({ lists: [[], [0], [1]], faults: [] });
});

test('as written, faults are told and left out', () => {
  expect(asWritten({ a: undefined, b: ['a', 'nope', 'a', 'b'] })).toEqual({
    lists: [[], [0]],
    faults: [
      { kind: 'unknown', step: 1, entry: 1, id: 'nope' },
      { kind: 'duplicate', step: 1, entry: 2, id: 'a' },
      { kind: 'self', step: 1, entry: 3, id: 'b' },
    ],
  });
});

describe('cycles', () => {
  test('a cycle is told from its first step on, without the steps that only lead to it', () => {
    const { lists } = asWritten({ out: ['c'], a: ['b'], b: ['c'], c: ['a'], free: [] });
    expect(findCycles(lists)).toEqual([[1, 2, 3]]);
  });

  test('two separate cycles are both told', () => {
    const { lists } = asWritten({ a: ['b'], b: ['a'], c: ['d'], d: ['c'], e: ['a', 'c'] });
    expect(findCycles(lists)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('a graph without a cycle has none, and one with a cycle has true ones', () => {
    fc.assert(
      fc.property(anyGraph, (lists) => {
        const isCyclic = lists.some((_, step) => reaches(lists, step, step));
        const cycles = findCycles(lists);
        expect(cycles.length > 0).toBe(isCyclic);
        for (const cycle of cycles) {
          for (const [at, step] of cycle.entries()) {
            expect(lists[step]).toContain(cycle[(at + 1) % cycle.length]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('ancestors', () => {
  test('agree with a naive closure', () => {
    fc.assert(
      fc.property(acyclicGraph, (lists) => {
        const ancestors = ancestorsOf(lists);
        for (const step of lists.keys()) {
          for (const other of lists.keys()) {
            expect(ancestors.has(step, other)).toBe(reaches(lists, step, other));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('are unknown exactly for steps in or behind a cycle', () => {
    fc.assert(
      fc.property(anyGraph, (lists) => {
        const ancestors = ancestorsOf(lists);
        for (const step of lists.keys()) {
          const isSpoilt = [step, ...lists.keys()].some(
            (other) =>
              reaches(lists, other, other) && (other === step || reaches(lists, step, other)),
          );
          expect(ancestors.has(step, 0) === undefined).toBe(isSpoilt);
        }
      }),
    );
  });

  test('of five hundred steps that wait for all before them come quickly', () => {
    const lists = Array.from({ length: 500 }, (_, step) => [...Array(step).keys()]);
    const start = performance.now();
    const ancestors = ancestorsOf(lists);
    const passedMs = performance.now() - start;
    expect(ancestors.has(499, 0)).toBe(true);
    expect(ancestors.has(0, 499)).toBe(false);
    expect(passedMs).toBeLessThan(1000);
  });
});

test('an order puts every step after all it waits for', () => {
  fc.assert(
    fc.property(acyclicGraph, (lists) => {
      const order = topologicalOrder(lists);
      expect(order).toHaveLength(lists.length);
      for (const [step, list] of lists.entries()) {
        for (const dependency of list) {
          expect(order.indexOf(dependency)).toBeLessThan(order.indexOf(step));
        }
      }
    }),
  );
});
