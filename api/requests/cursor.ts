import { AosError } from '../../src/contracts/failures.ts';

/** Where a page of runs ends. The tenant is no part of it: every query adds that by itself. */
export interface RunCursor {
  createdAt: string;
  id: string;
}

/** A time as Postgres writes it. Year 0 and offsets from 16 hours on are none to it. */
const TIME = /^(?!0000)(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?[+-](0\d|1[0-5])(:[0-5]\d)?$/;
const ID = /^run_[0-9a-f-]{36}$/;

export const writeCursor = ({ createdAt, id }: RunCursor): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');

/** Errors: CURSOR_INVALID. */
export function readCursor(text: string): RunCursor {
  try {
    const [createdAt, id] = JSON.parse(
      Buffer.from(text, 'base64url').toString('utf8'),
    ) as unknown[];
    if (
      typeof createdAt === 'string' &&
      isTime(createdAt) &&
      typeof id === 'string' &&
      ID.test(id)
    ) {
      return { createdAt, id };
    }
  } catch {
    // Falls through: whatever it is, this list did not make it.
  }
  throw cursorInvalid();
}

/** Whether Postgres can read it: no 30th of February, no hour 24. */
function isTime(text: string): boolean {
  const [, day, time] = TIME.exec(text) ?? [];
  if (day === undefined || time === undefined) return false;
  const moment = new Date(`${day}T${time}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(`${day}T${time}`);
}

export const cursorInvalid = (): AosError =>
  new AosError('CURSOR_INVALID', 'The cursor was not made by this list. Start again without one.');
