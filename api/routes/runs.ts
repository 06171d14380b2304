import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { CancelRun, SubmitRun } from '../../src/contracts/run.ts';
import type { RunPage } from '../../src/contracts/run.ts';
import { cancelRun } from '../../src/runs/cancel-run.ts';
import { isOpen } from '../../src/runs/run-state.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { loadRunView, viewRun, viewRunSummary } from '../../src/runs/view-run.ts';
import { createWrittenRuns } from '../../src/runs/written-runs.ts';
import type { WrittenRun } from '../../src/runs/written-runs.ts';
import { parseTraceparent } from '../../src/skills/http/traceparent.ts';
import { listRuns } from '../../src/storage/runs.ts';
import type { RunRow } from '../../src/storage/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { actorOf } from '../requests/actor-of.ts';
import { answerAccepted } from '../requests/answer-accepted.ts';
import { idempotencyKeyOf } from '../requests/idempotency-key.ts';
import { toPage } from '../requests/page.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { runOf, wholeRunOf, writtenRunOf } from '../requests/run-of.ts';
import { parseRunQuery, parseWait } from '../requests/run-query.ts';
import type { RUN_ROUTES } from '../../src/contracts/routes/runs.ts';
import type { Handlers } from '../handlers.ts';
import type { AosContext } from '../state.ts';

/** How long a poll sleeps at most before it looks by itself, should a wake-up be lost. */
const LOOK_AGAIN_MS = 1_000;

export function createRunHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof RUN_ROUTES, 'submitRun' | 'listRuns' | 'getRun' | 'cancelRun'>> {
  const writtenRuns = createWrittenRuns(deps);
  return {
    async submitRun(ctx) {
      const body = await readJson(ctx.req);
      const { value: request, warnings } = parseBody(SubmitRun, body, {
        asIs: ['plan', 'input'],
        checkedLater: ['plan'],
      });
      const { run, steps, replayed } = await submitRun(deps, {
        key: ctx.state.key,
        requestId: ctx.state.requestId,
        request,
        body,
        idempotencyKey: idempotencyKeyOf(ctx, request.idempotency_key),
        traceparent: parseTraceparent(ctx.get('traceparent')),
        warnings,
      });
      answerAccepted(ctx, run.id, replayed);
      ctx.body = steps ? viewRun(run, steps, null) : await loadRunView(deps.pool, run);
    },

    async listRuns(ctx) {
      const filter = parseRunQuery(ctx.query);
      const { key } = ctx.state;
      const rows = await listRuns(deps.pool, key.tenant_id, {
        ...filter,
        agentId: agentAskedFor(key, filter.agentId) ?? undefined,
        limit: filter.limit + 1,
      });
      const body: RunPage = toPage(rows, filter.limit, (row) =>
        viewRunSummary(row, { ...row, cost_micro_cents: row.steps_cost_micro_cents }),
      );
      ctx.body = body;
    },

    async getRun(ctx) {
      const deadlineMs = Date.now() + parseWait(ctx.query['wait']);
      const seen = ctx.get('If-None-Match');
      const written = await writtenRunOf(ctx, writtenRuns);
      if (written) return answerRun(ctx, written);
      const whole = await wholeRunOf(ctx, deps);
      let run: RunRow = whole;
      while (
        isWaiting(run, seen) &&
        Date.now() < deadlineMs &&
        !deps.closing.aborted &&
        !ctx.req.destroyed
      ) {
        await deps.listener.wait(run.id, Math.min(LOOK_AGAIN_MS, deadlineMs - Date.now()));
        await ctx.state.checkKeyAgain();
        run = await runOf(ctx, deps);
      }
      const shown = run === whole ? whole : await wholeRunOf(ctx, deps);
      return answerRun(ctx, writtenRuns.write(shown));
    },

    async cancelRun(ctx) {
      const { value, warnings } = parseBody(CancelRun, await readJson(ctx.req));
      const { id } = await runOf(ctx, deps);
      const run = await cancelRun(deps, actorOf(ctx), id, value.reason);
      ctx.status = isOpen(run) ? 202 : 200;
      const view = await loadRunView(deps.pool, run);
      ctx.body = { ...view, warnings: [...view.warnings, ...warnings] };
    },
  };
}

function answerRun(ctx: AosContext, run: WrittenRun): void {
  ctx.set('ETag', etagOf(run));
  ctx.type = 'application/json';
  ctx.body = run.json;
}

const etagOf = (run: Pick<RunRow, 'event_number'>): string => `"${run.event_number}"`;

/** Without `If-None-Match` a poll waits for the end; with it, for any change. */
const isWaiting = (run: RunRow, seen: string): boolean =>
  isOpen(run) && (seen === '' || seen === etagOf(run));
