import { AosError } from '../../contracts/failures.ts';
import type { SkillCall } from '../skill.ts';

/** Gives work the time of its call: rejects at once when that is over or the call is cancelled. */
export async function withinTime<T>(
  call: Pick<SkillCall, 'signal' | 'timeoutMs'>,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs } = call;
  let stop: (error: AosError) => void = () => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  const timeOut = (): void =>
    stop(
      new AosError(
        'TIMEOUT',
        `${name} did not finish within ${timeoutMs} ms. Raise timeout_ms of the step, or try again later.`,
      ),
    );
  // The signal may carry the same deadline and be a moment early: that is no cancel.
  const abort = (): void =>
    isTimeout(signal.reason)
      ? timeOut()
      : stop(new AosError('CANCELLED', `${name} was cancelled before it was done.`));
  const timer = setTimeout(timeOut, timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await Promise.race([stopped, signal.aborted ? stopped : work()]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

const isTimeout = (reason: unknown): boolean =>
  typeof reason === 'object' &&
  reason !== null &&
  'name' in reason &&
  reason.name === 'TimeoutError';
