import { AosError } from '../contracts/failures.ts';
import { QUERIES_AT_ONCE_MAX, QUERIES_WAITING_MAX, QUERY_MS_MAX } from '../contracts/limits.ts';

/** Lets so many questions into Postgres at once, so that they leave connections for everything else. */
export interface Places {
  /** Errors: SERVICE_UNAVAILABLE when too many wait already. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

export function createPlaces(max = QUERIES_AT_ONCE_MAX, waitingMax = QUERIES_WAITING_MAX): Places {
  const waiting: (() => void)[] = [];
  let taken = 0;
  const enter = async (): Promise<void> => {
    if (taken < max) {
      taken += 1;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new AosError(
        'SERVICE_UNAVAILABLE',
        `${max} questions are being answered and ${waitingMax} wait: ask again in a moment.`,
        { retry_after_ms: QUERY_MS_MAX },
      );
    }
    // Whoever leaves hands its place over, so that nobody comes in between.
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else taken -= 1;
  };
  return {
    async take(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
