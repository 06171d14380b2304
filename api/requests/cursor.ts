import { AosError } from '../../src/contracts/failures.ts';
import { isPostgresTime } from '../../src/domain/postgres-time.ts';

/** Where a page of a list ends. The tenant is no part of it: every query adds that by itself. */
export interface Cursor {
  createdAt: string;
  id: string;
}

const ID = /^([a-z]+)_[0-9a-f-]{36}$/;

export const writeCursor = ({ createdAt, id }: Cursor): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');

/** Reads the cursor of a list of things whose ids begin with `idPrefix`, as `run`. Errors: CURSOR_INVALID. */
export function readCursor(text: string, idPrefix: string): Cursor {
  try {
    const [createdAt, id] = JSON.parse(
      Buffer.from(text, 'base64url').toString('utf8'),
    ) as unknown[];
    if (
      typeof createdAt === 'string' &&
      isPostgresTime(createdAt) &&
      typeof id === 'string' &&
      ID.exec(id)?.[1] === idPrefix &&
      // Else it is one with something behind it, which decoding skips.
      writeCursor({ createdAt, id }) === text
    ) {
      return { createdAt, id };
    }
  } catch {
    // Falls through: whatever it is, this list did not make it.
  }
  throw cursorInvalid();
}

export const writeNameCursor = (name: string): string =>
  Buffer.from(JSON.stringify([name])).toString('base64url');

/** Reads the cursor of a list that is in the order of names. Errors: CURSOR_INVALID. */
export function readNameCursor(text: string, pattern: RegExp): string {
  try {
    const [name] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (typeof name === 'string' && pattern.test(name) && writeNameCursor(name) === text)
      return name;
  } catch {
    // Falls through: whatever it is, this list did not make it.
  }
  throw cursorInvalid();
}

/** Reads the cursor of a list whose entries are numbered. Errors: CURSOR_INVALID. */
export function readNumberCursor(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw cursorInvalid();
  return Number(text);
}

const cursorInvalid = (): AosError =>
  new AosError('CURSOR_INVALID', 'The cursor was not made by this list. Start again without one.');
