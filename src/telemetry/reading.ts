/** Something that costs to find out: taken once for all who ask within a while. */
export interface ReadingOptions<T> {
  take: () => Promise<T>;
  /** How long what was taken, or that it could not be, is the answer. */
  freshMs: number;
  /** How long who asks waits for it at most. */
  waitMs: number;
  /** Whether an older value is an answer when there is no fresh one. */
  keepsOld: boolean;
  onError: (error: unknown) => void;
}

/** Answers undefined when there is nothing to answer; never throws. */
export type Reading<T> = () => Promise<T | undefined>;

/** Takes a value at most once in `freshMs`, never twice at a time, and keeps nobody waiting for long. */
export function createReading<T>(options: ReadingOptions<T>): Reading<T> {
  const { take, freshMs, waitMs, keepsOld, onError } = options;
  let value: T | undefined;
  let freshUntil = -Infinity;
  let taking: Promise<void> | undefined;

  const refresh = async (): Promise<void> => {
    const taken = await take().catch((error: unknown) => {
      onError(error);
      return undefined;
    });
    if (taken !== undefined || !keepsOld) value = taken;
    freshUntil = performance.now() + freshMs;
    taking = undefined;
  };
  return async () => {
    if (performance.now() < freshUntil) return value;
    taking ??= refresh();
    const isTaken = await Promise.race([taking.then(() => true), timeLimit(waitMs)]);
    return isTaken || keepsOld ? value : undefined;
  };
}

const timeLimit = (ms: number): Promise<false> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref();
  });
