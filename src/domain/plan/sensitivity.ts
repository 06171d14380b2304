import type { ResolvedStep } from '../../contracts/plan.ts';
import { stepsReadBy } from './reads.ts';

/**
 * The steps that are sensitive by what they read alone, each with the step that it has it from: whatever reads a
 * sensitive output, itself or through others, gives an output that may hold it.
 */
export function sensitiveByReading(
  steps: readonly ResolvedStep[],
  stepIds: readonly string[],
): Map<string, string> {
  const from = new Map<string, string>();
  const found = steps.filter((step) => step.sensitive === true).map((step) => step.id);
  if (found.length === 0) return from;
  const readers = readersOf(steps, stepIds);
  const known = new Set(found);
  // Grows as it is walked.
  for (const id of found) {
    for (const reader of readers.get(id) ?? []) {
      if (known.has(reader)) continue;
      known.add(reader);
      from.set(reader, id);
      found.push(reader);
    }
  }
  return from;
}

/** Who reads the output of each step. */
function readersOf(
  steps: readonly ResolvedStep[],
  stepIds: readonly string[],
): Map<string, string[]> {
  const readers = new Map<string, string[]>();
  for (const step of steps) {
    for (const id of stepsReadBy(step, stepIds, 'outputs'))
      readers.set(id, [...(readers.get(id) ?? []), step.id]);
  }
  return readers;
}
