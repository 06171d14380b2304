import { AosError } from '../../src/contracts/failures.ts';

/** Where a page of runs ends. The tenant is no part of it: every query adds that by itself. */
export interface RunCursor {
  createdAt: string;
  id: string;
}

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?$/;
const ID = /^run_[0-9a-f-]{36}$/;

export const writeCursor = ({ createdAt, id }: RunCursor): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');

/** Errors: CURSOR_INVALID. */
export function readCursor(text: string): RunCursor {
  try {
    const [createdAt, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (typeof createdAt === 'string' && TIME.test(createdAt) && typeof id === 'string' && ID.test(id)) {
      return { createdAt, id };
    }
  } catch {
    // Falls through: whatever it is, this list did not make it.
  }
  throw new AosError('CURSOR_INVALID', 'The cursor was not made by this list. Start again without one.');
}
