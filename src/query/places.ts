import { AosError } from '../contracts/failures.ts';
import { QUERIES_AT_ONCE_MAX, QUERIES_WAITING_MAX, QUERY_MS_MAX } from '../contracts/limits.ts';
import { createTurns } from '../domain/turns.ts';

/** Lets so many questions into Postgres at once, so that they leave connections for everything else. */
export interface Places {
  /** Errors: SERVICE_UNAVAILABLE when too many wait already. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

export function createPlaces(max = QUERIES_AT_ONCE_MAX, waitingMax = QUERIES_WAITING_MAX): Places {
  const inTurn = createTurns(max);
  let asked = 0;
  return {
    async take(work) {
      if (asked >= max + waitingMax) {
        throw new AosError(
          'SERVICE_UNAVAILABLE',
          `${max} questions are being answered and ${waitingMax} wait: ask again in a moment.`,
          { retry_after_ms: QUERY_MS_MAX },
        );
      }
      asked += 1;
      try {
        return await inTurn(work);
      } finally {
        asked -= 1;
      }
    },
  };
}
