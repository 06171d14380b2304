import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { AosError } from '../src/contracts/failures.ts';
import { OutcomeNotMine } from '../src/runs/tries/finish-try.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { isOutage } from '../src/storage/pool.ts';

/**
 * What reaches Temporal of an error is a code and a template: its history is readable by operators of every tenant.
 * The details go to the log. Every such error is repeated: what a skill does wrong is an outcome, not an error.
 */
export function toApplicationFailure(error: unknown): ApplicationFailure {
  if (error instanceof AosError) {
    return ApplicationFailure.retryable(`AOS refused: ${error.failure.code}.`, error.failure.code);
  }
  return isOutage(error)
    ? ApplicationFailure.retryable('A part that AOS needs does not answer.', 'SERVICE_UNAVAILABLE')
    : ApplicationFailure.retryable('AOS failed; the worker log has the details.', 'INTERNAL');
}

/** After this many tries of closing a run, an error that is no outage is left to the reconciler. */
const CLOSE_TRIES_MAX = 5;

/** The one translator of errors between activities and the engine. */
export const withMappedErrors =
  <I extends { run_id: string }, O>(
    logger: Logger,
    activity: string,
    work: (input: I) => Promise<O>,
  ) =>
  async (input: I): Promise<O> => {
    try {
      return await work(input);
    } catch (error) {
      if (error instanceof OutcomeNotMine) {
        logger.info('activity.given_back', {
          activity,
          run_id: input.run_id,
          reason: error.message,
        });
        throw ApplicationFailure.create({
          message: 'The try was given back without an outcome.',
          type: 'OUTCOME_NOT_MINE',
          category: ApplicationFailureCategory.BENIGN,
        });
      }
      const isStuck =
        activity === 'closeRun' &&
        !isOutage(error) &&
        Context.current().info.attempt >= CLOSE_TRIES_MAX;
      const failure = isStuck
        ? ApplicationFailure.nonRetryable('The run could not be closed.', 'CLOSE_FAILED')
        : toApplicationFailure(error);
      logger.error('activity.failed', error, {
        activity,
        run_id: input.run_id,
        code: failure.type ?? null,
      });
      throw failure;
    }
  };
