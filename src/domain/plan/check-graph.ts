import { nearest } from '../near-miss.ts';
import type { DraftStep } from './draft.ts';
import { ancestorsOf, dependenciesAsWritten, dependenciesInOrder, findCycles } from './graph.ts';
import type { Ancestors, Dependencies, GraphFault } from './graph.ts';
import type { Findings } from './known-keys.ts';
import { didYouMean, quote } from './wording.ts';

export interface CheckedGraph {
  ids: string[];
  indexOf: ReadonlyMap<string, number>;
  dependencies: readonly (readonly number[])[];
  ancestors: Ancestors;
  /** Steps part of whose `depends_on` was refused. */
  uncertain: ReadonlySet<number>;
}

const CYCLE_STEPS_SHOWN_MAX = 12;

function indexById(steps: readonly DraftStep[], { problems }: Findings): Map<string, number> {
  const indexOf = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    const first = indexOf.get(step.id);
    if (first === undefined) {
      indexOf.set(step.id, index);
      continue;
    }
    problems.add(
      step.hasOwnId ? `${step.pointer}/id` : step.pointer,
      'DUPLICATE_STEP_ID',
      () =>
        `steps ${first} and ${index} are both called ${quote(step.id)} (a step without an id is \`step_N\`). Give each an id of its own.`,
    );
  }
  return indexOf;
}

function tellFault(
  steps: readonly DraftStep[],
  indexOf: ReadonlyMap<string, number>,
  { problems, warnings }: Findings,
  fault: GraphFault,
): void {
  const pointer = `${steps[fault.step]!.pointer}/depends_on/${fault.entry}`;
  switch (fault.kind) {
    case 'unknown': {
      const near = (): string | undefined => nearest(fault.id, indexOf.keys());
      return problems.add(
        pointer,
        'UNKNOWN_DEPENDENCY',
        () => `the plan has no step ${quote(fault.id)}${didYouMean(near())}`,
        near,
      );
    }
    case 'self':
      return problems.add(pointer, 'CYCLE', () => `step ${quote(fault.id)} waits for itself.`);
    case 'duplicate':
      return warnings.add(
        pointer,
        'DUPLICATE_DEPENDENCY',
        () => `${quote(fault.id)} is named twice; once is enough.`,
      );
  }
}

function describeCycle(ids: readonly string[], cycle: readonly number[]): string {
  const shown = cycle.slice(0, CYCLE_STEPS_SHOWN_MAX).map((step) => quote(ids[step]!));
  const more = cycle.length > shown.length ? ` → … (${cycle.length} steps)` : '';
  const path = `${shown.join(' → ')}${more} → ${quote(ids[cycle[0]!]!)}`;
  return `these steps wait for each other: ${path}. Remove one of these dependencies.`;
}

function dependenciesOf(
  steps: readonly DraftStep[],
  indexOf: ReadonlyMap<string, number>,
): Dependencies {
  if (!steps.some((step) => step.given.has('depends_on'))) return dependenciesInOrder(steps.length);
  const named = steps.map(({ id, fields }) => ({ id, depends_on: fields.depends_on }));
  return dependenciesAsWritten(named, indexOf);
}

/** Settles what each step waits for: in order, or as the graph of the plan says. */
export function checkGraph(steps: readonly DraftStep[], findings: Findings): CheckedGraph {
  const ids = steps.map((step) => step.id);
  const indexOf = indexById(steps, findings);
  const { lists, faults } = dependenciesOf(steps, indexOf);
  const uncertain = new Set<number>();
  for (const [index, { given, fields }] of steps.entries()) {
    if (given.has('depends_on') && fields.depends_on === undefined) uncertain.add(index);
  }
  for (const fault of faults) {
    tellFault(steps, indexOf, findings, fault);
    if (fault.kind !== 'duplicate') uncertain.add(fault.step);
  }
  for (const cycle of findCycles(lists)) {
    const pointer = `${steps[cycle[0]!]!.pointer}/depends_on`;
    findings.problems.add(pointer, 'CYCLE', () => describeCycle(ids, cycle));
  }
  return { ids, indexOf, dependencies: lists, ancestors: ancestorsOf(lists), uncertain };
}
