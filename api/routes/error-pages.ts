import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { FailureCode } from '../../src/contracts/failure-codes.ts';
import { AosError } from '../../src/contracts/failures.ts';
import type { SYSTEM_ROUTES } from '../../src/contracts/routes/system.ts';
import type { Handlers } from '../handlers.ts';

const isCode = (text: string): text is FailureCode => Object.hasOwn(FAILURE_CODES, text);

/** What the `type` of a failure points to. Public. */
export const createErrorPageHandlers = (): Handlers<
  Pick<typeof SYSTEM_ROUTES, 'getErrorPage'>
> => ({
  getErrorPage(ctx) {
    const code = ctx.params['code']!;
    if (!isCode(code))
      throw new AosError('NOT_FOUND', `There is no failure code ${code.slice(0, 100)}.`);
    const { httpStatus, ...entry } = FAILURE_CODES[code];
    ctx.body = { code, ...entry, http_status: httpStatus };
  },
});
