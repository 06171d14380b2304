import {
  dependenciesAsWritten,
  dependenciesInOrder,
  topologicalOrder,
} from '../domain/plan/graph.ts';

export interface TimedStep {
  id: string;
  dependsOn: readonly string[] | undefined;
  latencyMs: number;
}

/** How long the longest path takes; a plan without any `depends_on` is one path. Steps in a cycle never begin. */
export function longestPathMs(steps: readonly TimedStep[]): number {
  const indexOf = new Map<string, number>();
  for (const [index, { id }] of steps.entries()) if (!indexOf.has(id)) indexOf.set(id, index);
  const { lists } = steps.some(({ dependsOn }) => dependsOn !== undefined)
    ? dependenciesAsWritten(
        steps.map(({ id, dependsOn }) => ({ id, depends_on: dependsOn })),
        indexOf,
      )
    : dependenciesInOrder(steps.length);
  const doneAtMs = new Map<number, number>();
  for (const index of topologicalOrder(lists)) {
    const beginsAtMs = Math.max(0, ...lists[index]!.map((each) => doneAtMs.get(each) ?? 0));
    doneAtMs.set(index, beginsAtMs + steps[index]!.latencyMs);
  }
  return Math.max(0, ...doneAtMs.values());
}
