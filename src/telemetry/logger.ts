import { pino } from 'pino';
import type { DestinationStream } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** One line an event: a name that says what happened, and its facts. Never a secret, a param or an output. */
export interface Logger {
  debug: (event: string, fields?: LogFields) => void;
  info: (event: string, fields?: LogFields) => void;
  warn: (event: string, fields?: LogFields) => void;
  error: (event: string, error: unknown, fields?: LogFields) => void;
}

/** Writes to standard error, unless another destination is given. */
export function createLogger(
  level: LogLevel,
  service: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  const log = pino({ level, base: { service }, serializers: { err: describeError } }, destination);
  return {
    debug: (event, fields) => log.debug({ event, ...fields }),
    info: (event, fields) => log.info({ event, ...fields }),
    warn: (event, fields) => log.warn({ event, ...fields }),
    error: (event, error, fields) => log.error({ event, err: error, ...fields }),
  };
}

const CAUSES_MAX = 5;

/**
 * What is told of an error. Other libraries hang requests, rows and answers on theirs, and those hold what is nobody
 * else's: only what says where it broke is taken.
 */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error;
  const { name, message, stack, cause } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isTold = cause !== undefined && depth < CAUSES_MAX;
  return {
    type: name,
    message,
    code,
    stack,
    ...(isTold && { cause: describeError(cause, depth + 1) }),
  };
}
