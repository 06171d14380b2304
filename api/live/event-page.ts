import type { EventPage } from '../../src/contracts/live.ts';
import { eventIdOf } from '../../src/events/event-id.ts';
import type { ScopePage } from '../../src/live/event-pages.ts';
import { toEventPlace } from '../../src/live/place.ts';
import type { Place } from '../../src/live/place.ts';
import type { Scope } from '../../src/live/scope.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';
import { checkReaderAgain } from './event-reader.ts';
import type { EventReader } from './event-reader.ts';

/** Statements of one answer that find nothing of what is asked for. */
const SCANS_MAX = 10;
const LOOK_MS = 1000;

/** Answers a page of events; where there is none yet, it waits for one. */
export async function answerPage(
  ctx: AosContext,
  deps: ApiDeps,
  reader: EventReader,
  { limit, waitMs }: { limit: number; waitMs: number },
): Promise<void> {
  const { scope, filter } = reader;
  const read = (after: Place): Promise<ScopePage> =>
    deps.live.readPage(scope, { after, limit, filter });
  let page = await read(reader.after);
  for (let scans = 1; page.events.length === 0 && page.hasMore && scans < SCANS_MAX; scans += 1)
    page = await read(page.end);
  if (page.events.length === 0 && !page.hasMore && waitMs > 0) {
    if (await hasCome(ctx, deps, { ...reader, after: page.knownTo }, waitMs))
      page = await read(page.end);
  }
  ctx.set('Cache-Control', 'no-store');
  const body: EventPage = {
    data: page.events.map(({ event }) => event),
    has_more: page.hasMore,
    next_after: textOf(scope, page.end),
  };
  ctx.body = body;
}

/** Whether an event comes within the time. */
async function hasCome(
  ctx: AosContext,
  { live, closing }: ApiDeps,
  reader: EventReader,
  waitMs: number,
): Promise<boolean> {
  const agentId = ctx.state.key.agent_id;
  const deadlineMs = performance.now() + waitMs;
  const subscription = await live.subscribe(reader.scope, reader);
  try {
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || closing.aborted || ctx.req.destroyed) return false;
      const timer = setTimeout(() => subscription.nudge(), Math.min(LOOK_MS, leftMs));
      const events = await subscription.next();
      clearTimeout(timer);
      await checkReaderAgain(ctx, agentId);
      if (events.length > 0) return true;
      if (subscription.hasEnded()) return false;
    }
  } finally {
    subscription.close();
  }
}

const textOf = (scope: Scope, place: Place): string =>
  scope.kind === 'run' ? String(place.position) : eventIdOf(toEventPlace(place));
