import type Router from '@koa/router';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { FailureCode } from '../../src/contracts/failure-codes.ts';
import { AosError } from '../../src/contracts/failures.ts';
import type { AosState } from '../state.ts';

const isCode = (text: string): text is FailureCode => Object.hasOwn(FAILURE_CODES, text);

/** What the `type` of a failure points to. Public. */
export function addErrorPageRoutes(router: Router<AosState>): void {
  router.get('/docs/errors/:code', (ctx) => {
    const code = ctx.params['code']!;
    if (!isCode(code))
      throw new AosError('NOT_FOUND', `There is no failure code ${code.slice(0, 100)}.`);
    const { httpStatus, ...entry } = FAILURE_CODES[code];
    ctx.body = { code, ...entry, http_status: httpStatus };
  });
}
