import type { Problem } from '../../contracts/failures.ts';
import type { ProblemCode, WarningCode } from './problem-codes.ts';
import { clip } from './wording.ts';
import { PROBLEMS_MAX } from '../../contracts/limits.ts';

const TEXT_LENGTH_MAX = 1000;

export interface ProblemList<Code extends string> {
  /** Pointer and message may be built when they are kept: a hostile plan can have a hundred thousand problems. */
  add(
    pointer: string | (() => string),
    code: Code,
    message: () => string,
    meant?: () => string | undefined,
  ): void;
  isEmpty(): boolean;
  toProblems(): Problem[];
}

function createList<Code extends string>(moreCode: Code, noun: string): ProblemList<Code> {
  const problems: Problem[] = [];
  let more = 0;
  return {
    add(pointer, code, message, meant) {
      if (problems.length >= PROBLEMS_MAX) {
        more += 1;
        return;
      }
      const word = meant?.();
      problems.push({
        pointer: clip(typeof pointer === 'string' ? pointer : pointer(), TEXT_LENGTH_MAX),
        code,
        message: clip(message(), TEXT_LENGTH_MAX),
        ...(word !== undefined && { did_you_mean: clip(word, TEXT_LENGTH_MAX) }),
      });
    },
    isEmpty: () => problems.length === 0,
    toProblems() {
      if (more === 0) return problems;
      const message = `${more} more ${noun} are not listed. Correct the first ${PROBLEMS_MAX} and submit again to see them.`;
      return [...problems, { pointer: '', code: moreCode, message }];
    },
  };
}

/** Why a plan is refused. */
export const createProblemList = (): ProblemList<ProblemCode> =>
  createList<ProblemCode>('MORE_PROBLEMS', 'problems');

/** What is odd about a plan that runs all the same. */
export const createWarningList = (): ProblemList<WarningCode> =>
  createList<WarningCode>('MORE_WARNINGS', 'warnings');
