import { isOutage } from './pool.ts';

const REPEAT_MS = 500;

/** What is known is not given up because Postgres is away: the work is tried again until it is there, or told to stop. */
export async function repeatInOutage<T>(work: () => Promise<T>, stop?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error) || stop?.aborted === true) throw error;
      await new Promise((resolve) => setTimeout(resolve, REPEAT_MS));
    }
  }
}
