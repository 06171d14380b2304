import { MEMORY_CHARS_MAX } from '../contracts/limits.ts';

/** The text whose words a finished run is found by; `outcome` is JSON text, which may be cut off anywhere. */
export function memoryText(goal: string, outcome: string): string {
  // An escaped line end is no letter of the word after it, and a NUL is nothing that Postgres takes.
  const words = outcome.replaceAll(/\\(?:u[0-9a-fA-F]{4}|.)/g, ' ');
  return `${goal}\n${words}`.replaceAll('\0', ' ').slice(0, MEMORY_CHARS_MAX);
}
