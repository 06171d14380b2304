import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { EVENT_PATTERNS, EVENT_TYPES } from '../../src/contracts/event.ts';
import type { EventType } from '../../src/contracts/event.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import { PROBLEMS_MAX } from '../../src/contracts/limits.ts';
import { EventsQuery, RunEventsQuery } from '../../src/contracts/live.ts';
import { takesEvent } from '../../src/domain/event-patterns.ts';
import { nearest } from '../../src/domain/near-miss.ts';
import { didYouMean, quote } from '../../src/domain/plan/wording.ts';
import type { EventFilter } from '../../src/live/event-filter.ts';
import type { ApiKey } from '../../src/storage/api-keys.ts';
import type { AosContext } from '../state.ts';
import { refused } from './parse.ts';
import { parseQuery, parseWait } from './run-query.ts';

/** What a reader of events asks for, in whichever form. */
export interface AskedEvents {
  /** The last event that is known: of `Last-Event-ID`, else of `after`. */
  after: string | undefined;
  limit: number;
  waitMs: number;
  filter: EventFilter;
}

/** `?after=&limit=&wait=` Errors: INVALID_REQUEST. */
export function parseRunEventsQuery(ctx: AosContext): AskedEvents {
  const { after, limit, wait } = parseQuery(RunEventsQuery, ctx.query);
  return { after: lastEventId(ctx) ?? after, limit, waitMs: parseWait(wait), filter: {} };
}

/** The same with `&types=&agent_id=&run_id=`. Errors: INVALID_REQUEST, KEY_BOUND_TO_AGENT. */
export function parseEventsQuery(ctx: AosContext, key: ApiKey): AskedEvents {
  const asked = parseQuery(EventsQuery, ctx.query);
  return {
    after: lastEventId(ctx) ?? asked.after,
    limit: asked.limit,
    waitMs: parseWait(asked.wait),
    filter: {
      types: asked.types === undefined ? undefined : parseTypes(asked.types),
      agentId: agentAskedFor(key, asked.agent_id) ?? undefined,
      runId: asked.run_id,
    },
  };
}

/** A client that has got no event yet sends none, or an empty one. */
const lastEventId = (ctx: AosContext): string | undefined => ctx.get('Last-Event-ID') || undefined;

/** `run.*,step.failed`: the types that are meant. Errors: INVALID_REQUEST. */
function parseTypes(text: string): EventType[] {
  const names = text.split(',').map((name) => name.trim());
  const problems = names
    .filter((name) => !EVENT_PATTERNS.includes(name))
    .map((name): Problem => {
      const near = nearest(name, EVENT_PATTERNS);
      const message = `${quote(name)} is no type of event${didYouMean(near)}`;
      return {
        pointer: '?types',
        code: 'UNKNOWN_NAME',
        message,
        ...(near && { did_you_mean: near }),
      };
    });
  if (problems.length > 0) throw refused(problems.slice(0, PROBLEMS_MAX));
  return EVENT_TYPES.filter((type) => takesEvent(names, type));
}
