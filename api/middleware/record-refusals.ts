import type { Middleware } from 'koa';
import { AosError } from '../../src/contracts/failures.ts';
import { AGENT_ID } from '../../src/contracts/ids.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { RefusalRecorder } from '../../src/audit/refusals.ts';
import type { AosContext, AosState } from '../state.ts';

/** What was not allowed, as against what was a mistake or is not there. */
const CATEGORIES: ReadonlySet<string> = new Set(['PERMISSION', 'SECURITY', 'RESOURCE']);

const isRefusal = ({ category, status }: Failure): boolean =>
  CATEGORIES.has(category) && status >= 400 && status < 500 && status !== 404;

/** Hands every refusal on to be recorded; the request does not wait for that. */
export const recordRefusals =
  (refusals: RefusalRecorder): Middleware<AosState> =>
  async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (error instanceof AosError && isRefusal(error.failure)) {
        const { code, message } = error.failure;
        const {
          key,
          endedKey,
          operation = 'unmatched',
          requestId,
        } = ctx.state as Partial<AosState>;
        refusals.note({
          tenantId: endedKey?.tenantId ?? key?.tenant_id ?? null,
          keyId: endedKey?.id ?? key?.id ?? null,
          operation,
          code,
          requestId: requestId!,
          subject: subjectOf(ctx as AosContext),
          detail: { message, ...(endedKey && { reason: endedKey.reason }) },
        });
      }
      throw error;
    }
  };

/** The run or the agent that the request was about, as far as it is known. */
function subjectOf({ state, params }: AosContext): string | null {
  const agentId = (params as AosContext['params'] | undefined)?.['agent_id'];
  if (state.runId !== undefined) return state.runId;
  return agentId !== undefined && AGENT_ID.test(agentId) ? agentId : (state.key?.agent_id ?? null);
}
