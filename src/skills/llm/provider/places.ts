import { AosError } from '../../../contracts/failures.ts';
import { LLM_PLACE_WAIT_MS } from '../../../contracts/limits.ts';
import type { SkillCall } from '../../skill.ts';

const RETRY_AFTER_MS = 1000;

/** Bounds how many calls run at once, by provider. */
export interface Places {
  /**
   * Waits for a place, in order of asking, and answers with what gives it back. Rejects as rate limited when the wait
   * or the call's own time is over, and as cancelled when the call is.
   */
  take(name: string, call: Pick<SkillCall, 'signal' | 'timeoutMs'>): Promise<() => void>;
}

interface Room {
  taken: number;
  /** Bounded by the calls that a worker runs at once. */
  waiting: Set<() => void>;
}

/** Creates places: so many for each name. */
export function createPlaces(count: number, waitMsMax = LLM_PLACE_WAIT_MS): Places {
  const rooms = new Map<string, Room>();

  const giveBack = (name: string, room: Room): void => {
    const [next] = room.waiting;
    if (next !== undefined) {
      room.waiting.delete(next);
      return next();
    }
    room.taken -= 1;
    if (room.taken === 0) rooms.delete(name);
  };
  const toGiveBack = (name: string, room: Room): (() => void) => {
    let isHeld = true;
    return () => {
      if (isHeld) giveBack(name, room);
      isHeld = false;
    };
  };

  async function take(
    name: string,
    { signal, timeoutMs }: Pick<SkillCall, 'signal' | 'timeoutMs'>,
  ): Promise<() => void> {
    if (signal.aborted) throw refusalOf(signal, count);
    const room = rooms.get(name) ?? { taken: 0, waiting: new Set() };
    rooms.set(name, room);
    if (room.taken < count) {
      room.taken += 1;
      return toGiveBack(name, room);
    }
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      };
      const enter = (): void => {
        stop();
        resolve(toGiveBack(name, room));
      };
      const giveUp = (): void => {
        stop();
        room.waiting.delete(enter);
        reject(refusalOf(signal, count));
      };
      const timer = setTimeout(giveUp, Math.min(waitMsMax, timeoutMs));
      signal.addEventListener('abort', giveUp, { once: true });
      room.waiting.add(enter);
    });
  }
  return { take };
}

function refusalOf(signal: AbortSignal, count: number): AosError {
  const isCancel = signal.aborted && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
  if (isCancel) return new AosError('CANCELLED', 'The call was cancelled before it had begun.');
  return new AosError(
    'PROVIDER_RATE_LIMITED',
    `All ${count} places for calls to this provider stayed taken. Try again later, or ask the operator to raise AOS_LLM_CONCURRENCY.`,
    { retry_after_ms: RETRY_AFTER_MS },
  );
}
