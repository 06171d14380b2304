import { AosError } from '../contracts/failures.ts';
import { QUERIES_AT_ONCE_MAX, QUERIES_WAITING_MAX, QUERY_MS_MAX } from '../contracts/limits.ts';
import { createTurns } from '../domain/turns.ts';

/** Lets so many questions into Postgres at once, so that they leave connections for everything else. */
export interface Places {
  /** Errors: SERVICE_UNAVAILABLE when too many wait already, or when who asked is gone at its turn. */
  take<T>(work: () => Promise<T>, isGone?: () => boolean): Promise<T>;
}

export function createPlaces(max = QUERIES_AT_ONCE_MAX, waitingMax = QUERIES_WAITING_MAX): Places {
  const inTurn = createTurns(max);
  let asked = 0;
  return {
    async take(work, isGone = () => false) {
      if (asked >= max + waitingMax) {
        throw new AosError(
          'SERVICE_UNAVAILABLE',
          `${max} questions are being answered and ${waitingMax} wait: ask again in a moment.`,
          { retry_after_ms: QUERY_MS_MAX },
        );
      }
      asked += 1;
      try {
        return await inTurn(async () => {
          if (!isGone()) return work();
          throw new AosError('SERVICE_UNAVAILABLE', 'Nobody waits for the answer any more.');
        });
      } finally {
        asked -= 1;
      }
    },
  };
}
