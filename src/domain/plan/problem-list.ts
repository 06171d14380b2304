import type { Problem } from '../../contracts/failures.ts';
import type { ProblemCode, WarningCode } from './problem-codes.ts';
import { clip } from './wording.ts';

/** Problems told one by one; the rest are counted. */
export const PROBLEMS_MAX = 100;
const TEXT_LENGTH_MAX = 1000;

export interface ProblemList<Code extends string> {
  /** The message is built only when it is kept: a hostile plan can have a hundred thousand problems. */
  add(pointer: string, code: Code, message: () => string): void;
  isEmpty(): boolean;
  toProblems(): Problem[];
}

/** Collects problems up to a bound, each one once. */
function createList<Code extends string>(moreCode: Code, noun: string): ProblemList<Code> {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  let more = 0;
  return {
    add(pointer, code, message) {
      if (problems.length >= PROBLEMS_MAX) {
        more += 1;
        return;
      }
      const problem = {
        pointer: clip(pointer, TEXT_LENGTH_MAX),
        code,
        message: clip(message(), TEXT_LENGTH_MAX),
      };
      const key = JSON.stringify(problem);
      if (seen.has(key)) return;
      seen.add(key);
      problems.push(problem);
    },
    isEmpty: () => problems.length === 0,
    toProblems() {
      if (more === 0) return problems;
      const message = `${more} more ${noun} are not listed. Correct the first ${PROBLEMS_MAX} and submit again to see them.`;
      return [...problems, { pointer: '', code: moreCode, message }];
    },
  };
}

export const createProblemList = (): ProblemList<ProblemCode> =>
  createList<ProblemCode>('MORE_PROBLEMS', 'problems');

export const createWarningList = (): ProblemList<WarningCode> =>
  createList<WarningCode>('MORE_WARNINGS', 'warnings');
