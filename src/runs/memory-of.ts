import type { Failure } from '../contracts/failures.ts';
import { MEMORY_CHARS_MAX } from '../contracts/limits.ts';
import { memoryText } from '../domain/memory-text.ts';
import { readOutputStart } from '../storage/artifacts.ts';
import type { Transaction } from '../storage/pool.ts';
import type { RunRow } from '../storage/runs.ts';

/** What `recall` finds an ended run by: its goal, and its output or why it has none. Null for a run of no agent. */
export async function memoryOf(
  tx: Transaction,
  run: RunRow,
  outputStepId: string | null,
  failure: Failure | null,
): Promise<string | null> {
  if (run.agent_id === null) return null;
  if (failure) return memoryText(run.goal ?? '', JSON.stringify([failure.code, failure.message]));
  const output =
    outputStepId === null ? '' : await readOutputStart(tx, run.id, outputStepId, MEMORY_CHARS_MAX);
  return memoryText(run.goal ?? '', output);
}
