import type { AosContext } from '../state.ts';

/** What every answer says that accepts a run, or finds the one that was accepted before. */
export function answerAccepted(ctx: AosContext, runId: string, replayed: boolean): void {
  ctx.state.runId = runId;
  if (replayed) ctx.set('Idempotency-Replayed', 'true');
  ctx.set('Location', `/api/v1/runs/${runId}`);
  ctx.status = 202;
}
