/** Something that runs until it is stopped, or ends by itself. */
export interface Running {
  /** Settles when it has ended, asked or not. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

export interface Kept<T extends Running> {
  /** The one that runs now, or ran last. */
  readonly current: T;
  stop(): Promise<void>;
}

const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** What has run this long has recovered, and is started again at once. */
const STEADY_MS = 30_000;

/** Starts something, and again whenever it ends by itself. Rejects when it does not start the first time. */
export async function keepRunning<T extends Running>(
  name: string,
  start: () => Promise<T>,
  onLog: (text: string) => void,
): Promise<Kept<T>> {
  let current = await start();
  let stopping = false;
  let backoffMs = BACKOFF_MIN_MS;
  let wake = () => {};

  const pauseOrStop = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const watch = async () => {
    for (let startedAt = Date.now(); !stopping;) {
      await current.exited;
      if (stopping) return;
      if (Date.now() - startedAt > STEADY_MS) backoffMs = BACKOFF_MIN_MS;
      onLog(`${name} has ended; starting it again in ${backoffMs} ms.\n`);
      await pauseOrStop(backoffMs);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      if (stopping) return;
      startedAt = Date.now();
      // The next round waits for one that has already ended, and tries again.
      await start().then(
        (next) => {
          current = next;
        },
        (error: unknown) =>
          onLog(
            `${name} did not start: ${error instanceof Error ? error.message : String(error)}\n`,
          ),
      );
    }
  };
  const watching = watch().catch((error: unknown) =>
    onLog(`${name} is no longer watched: ${String(error)}\n`),
  );

  return {
    get current() {
      return current;
    },
    async stop() {
      stopping = true;
      wake();
      await current.stop();
      await watching;
      await current.stop();
    },
  };
}
