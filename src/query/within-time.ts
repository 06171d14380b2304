import { AosError } from '../contracts/failures.ts';
import { QUERY_MS_MAX } from '../contracts/limits.ts';
import { StatementTimeout } from '../storage/read-only.ts';

/** Asks, and tells what to narrow when the answer takes too long. Errors: QUERY_TIMEOUT. */
export async function withinTime<T>(
  narrowing: readonly string[],
  ask: () => Promise<T>,
  timeoutMs = QUERY_MS_MAX,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof StatementTimeout)) throw error;
    throw new AosError(
      'QUERY_TIMEOUT',
      `The question took longer than ${timeoutMs} ms and was given up. ${narrowing.join(' ')}`,
      { recovery: narrowing.map((why) => ({ action: 'fix_request' as const, why })) },
      { cause: error },
    );
  }
}
