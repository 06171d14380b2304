import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';

/** The failures that something can be done about: those whose entry in the catalogue names an action. */
export const RECOVERABLE_CODES = (Object.keys(FAILURE_CODES) as FailureCode[]).filter(
  (code) => FAILURE_CODES[code].action !== 'none',
);
