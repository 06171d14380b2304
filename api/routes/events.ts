import type { EVENT_ROUTES } from '../../src/contracts/routes/events.ts';
import type { Scope } from '../../src/live/scope.ts';
import { isOpen } from '../../src/runs/run-state.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { answerPage } from '../live/event-page.ts';
import { answerStream } from '../live/event-stream.ts';
import { createWebSockets } from '../live/web-socket.ts';
import { placeToGoOn } from '../requests/event-place.ts';
import { parseEventsQuery, parseRunEventsQuery } from '../requests/event-query.ts';
import type { AskedEvents } from '../requests/event-query.ts';
import { runOf } from '../requests/run-of.ts';
import type { AosContext } from '../state.ts';

/** The events of a run, and of all that the key may see: as pages, as streams, over WebSockets. */
export function createEventHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof EVENT_ROUTES, 'listRunEvents' | 'listEvents'>> {
  const webSockets = createWebSockets(deps);
  deps.closing.addEventListener('abort', () => deps.streams.endAll());

  async function answer(ctx: AosContext, scope: Scope, asked: AskedEvents): Promise<void> {
    const upgrade = deps.upgrades.get(ctx.req);
    const asStream = upgrade !== undefined || wantsStream(ctx);
    const after = await placeToGoOn(deps.pool, scope, {
      path: ctx.path,
      after: asked.after,
      otherwise: asStream && scope.kind === 'tenant' ? 'latest' : 'oldest',
    });
    const reader = { scope, after, filter: asked.filter };
    if (upgrade) return webSockets.answer(ctx, upgrade, reader);
    return asStream ? answerStream(ctx, deps, reader) : answerPage(ctx, deps, reader, asked);
  }

  return {
    async listRunEvents(ctx) {
      const asked = parseRunEventsQuery(ctx);
      const run = await runOf(ctx, deps);
      const { id: runId, tenant_id: tenantId, event_number: lastNumber } = run;
      const scope: Scope = { kind: 'run', tenantId, runId, lastNumber, hasEnded: !isOpen(run) };
      return answer(ctx, scope, asked);
    },

    async listEvents(ctx) {
      const { key } = ctx.state;
      const asked = parseEventsQuery(ctx, key);
      return answer(ctx, { kind: 'tenant', tenantId: key.tenant_id }, asked);
    },
  };
}

const wantsStream = (ctx: AosContext): boolean =>
  ctx.method === 'GET' &&
  ctx.accepts('application/json', 'text/event-stream') === 'text/event-stream';
