import type { Json } from '../../contracts/json.ts';
import { isJsonObject } from '../../contracts/json.ts';
import {
  RETRY_DELAY_DEFAULT_MS,
  RETRY_DELAY_GROWN_DEFAULT_MS,
  RETRY_DELAY_MAX_MS,
  TRIES_PER_STEP_MAX,
} from '../../contracts/limits.ts';
import type { RetryWish, StepPolicy } from '../../contracts/plan.ts';

/** The largest value of each number in `params.retry`. */
const RETRY_NUMBERS = {
  max_attempts: TRIES_PER_STEP_MAX,
  backoff_ms: RETRY_DELAY_MAX_MS,
  backoff_seconds: RETRY_DELAY_MAX_MS / 1000,
  max_backoff_ms: RETRY_DELAY_MAX_MS,
} as const;

/** Reads `params.retry` as a wish; says what is wrong with a number that no policy may have. */
export function retryWishOf(
  value: Json | undefined,
  refuse: (key: string, message: string) => void,
): RetryWish {
  if (!isJsonObject(value)) return {};
  const wish: RetryWish = {};
  for (const [key, max] of Object.entries(RETRY_NUMBERS)) {
    const number = Object.hasOwn(value, key) ? value[key] : undefined;
    if (typeof number !== 'number') continue;
    const isTries = key === 'max_attempts';
    const fits = isTries ? Number.isInteger(number) && number >= 1 : number >= 0;
    if (fits && number <= max) wish[key as keyof typeof RETRY_NUMBERS] = number;
    else
      refuse(
        key,
        `\`${key}\` is ${number}; it must be ${isTries ? 'a whole number from 1' : 'from 0'} to ${max}.`,
      );
  }
  return wish;
}

/** Tries and delays of a step: its own wish, else the skill's. */
export function retryPolicyOf(
  wish: RetryWish,
  maxAttemptsDefault: number,
): Pick<StepPolicy, 'max_attempts' | 'backoff_ms' | 'max_backoff_ms'> {
  const secondsAsMs =
    wish.backoff_seconds === undefined ? undefined : Math.round(wish.backoff_seconds * 1000);
  const backoffMs = wish.backoff_ms ?? secondsAsMs ?? RETRY_DELAY_DEFAULT_MS;
  return {
    max_attempts: wish.max_attempts ?? maxAttemptsDefault,
    backoff_ms: backoffMs,
    // A longer first delay was asked for on purpose, so the default may not cut it.
    max_backoff_ms: wish.max_backoff_ms ?? Math.max(RETRY_DELAY_GROWN_DEFAULT_MS, backoffMs),
  };
}
