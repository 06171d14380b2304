import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Event } from '../../src/contracts/event.ts';
import type { EventFilter } from '../../src/live/event-filter.ts';
import { passes } from '../../src/live/event-filter.ts';
import type { PageRequest, ScopePage } from '../../src/live/event-pages.ts';
import { createFeed } from '../../src/live/feed.ts';
import { placeOfNumber } from '../../src/live/place.ts';
import type { LiveEvent, Scope } from '../../src/live/scope.ts';
import { createSubscription } from '../../src/live/subscription.ts';
import type { Subscription } from '../../src/live/subscription.ts';

/** More than any reader needs. */
const PULLS_MAX = 2_000;

const TYPES = ['run.started', 'step.started', 'step.succeeded'] as const;

const LARGE = 'x'.repeat(50_000);

const eventAt = (number: number): LiveEvent => {
  const event = { type: TYPES[number % TYPES.length]!, agent_id: null, run_id: 'run_a' } as Event;
  // So large that few go together.
  const json = number % 7 === 0 ? LARGE : String(number);
  return { place: placeOfNumber(number), id: String(number), event, json };
};
const scopeAt = (lastNumber: number): Scope => ({
  kind: 'run',
  tenantId: 't',
  runId: 'run_a',
  lastNumber,
  hasEnded: false,
});

/** What Postgres would answer, from the numbers 1 to `count`. */
function pageOf(count: number, { after, limit, filter }: PageRequest): ScopePage {
  const from = after.position;
  const to = Math.min(count, from + limit);
  const events = Array.from({ length: Math.max(0, to - from) }, (_, n) => eventAt(from + n + 1));
  const end = placeOfNumber(Math.max(from, to));
  return {
    events: events.filter(({ event }) => passes(filter, event)),
    end,
    knownTo: end,
    hasMore: to < count,
  };
}

interface Reader {
  subscription: Subscription;
  after: number;
  filter: EventFilter;
  got: string[];
  /** Takes the next events, one call at a time. */
  pull(): void;
  done: Promise<void>;
  wantsMore: boolean;
}

type Move =
  | { kind: 'append'; count: number }
  | { kind: 'look'; count: number }
  | { kind: 'join'; behind: number; isPicky: boolean }
  | { kind: 'pull'; who: number }
  | { kind: 'nudge'; who: number }
  | { kind: 'fail' }
  | { kind: 'forget' };

const moves: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 130 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      count: fc.integer({ min: 1, max: 200 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      behind: fc.integer({ min: 0, max: 700 }),
      isPicky: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pull' as const), who: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nudge' as const), who: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fail' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
);

describe('a subscription', () => {
  test('gets every event behind its place once and in order, whenever it joins, stalls, or reads by itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(50),
        fc.array(moves, { minLength: 5, maxLength: 60 }),
        async (scheduler, first, plan) => {
          let count = first;
          let failures = 0;
          const feed = createFeed(scopeAt(count), placeOfNumber(count));
          const readers: Reader[] = [];
          const readPage = async (asked: PageRequest): Promise<ScopePage> => {
            await scheduler.schedule(Promise.resolve(), 'asked');
            if (failures > 0) {
              failures -= 1;
              throw new Error('away');
            }
            const page = pageOf(count, asked);
            await scheduler.schedule(Promise.resolve(), 'answered');
            return page;
          };
          const look = (max: number): void => {
            const { events } = pageOf(count, { after: feed.head(), limit: max, filter: {} });
            feed.push(events, 0);
          };
          const join = (behind: number, isPicky: boolean): void => {
            const after = Math.max(0, count - behind);
            const filter: EventFilter = isPicky ? { types: ['step.started'] } : {};
            const subscription = createSubscription({
              feed,
              after: placeOfNumber(after),
              filter,
              readPage,
              retryMs: 0,
              isOutage: () => true,
              onClose: () => {},
            });
            const reader: Reader = {
              subscription,
              after,
              filter,
              got: [],
              done: Promise.resolve(),
              wantsMore: false,
              pull() {
                if (reader.wantsMore) return;
                reader.wantsMore = true;
                reader.done = subscription.next().then((events) => {
                  reader.wantsMore = false;
                  reader.got.push(...events.map(({ id }) => id));
                });
              },
            };
            readers.push(reader);
          };
          for (const move of plan) {
            if (move.kind === 'append') count += move.count;
            else if (move.kind === 'look') look(move.count);
            else if (move.kind === 'join') join(move.behind, move.isPicky);
            else if (move.kind === 'pull') readers[move.who]?.pull();
            else if (move.kind === 'nudge') readers[move.who]?.subscription.nudge();
            else if (move.kind === 'fail') failures += 1;
            else feed.forget(1);
            if (scheduler.count() > 0) await scheduler.waitOne();
          }
          while (feed.head().position < count) look(500);
          feed.end(count);
          const finish = async (reader: Reader): Promise<void> => {
            for (let pulls = 0; !reader.subscription.hasEnded() || reader.wantsMore; pulls += 1) {
              if (pulls > PULLS_MAX) throw new Error('it does not come to an end');
              reader.pull();
              await reader.done;
            }
          };
          const finished = Promise.all(readers.map(finish));
          await scheduler.waitFor(finished);
          for (const { got, after, filter } of readers) {
            const all = Array.from({ length: count - after }, (_, n) => eventAt(after + n + 1));
            expect(got).toEqual(
              all.filter(({ event }) => passes(filter, event)).map(({ id }) => id),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
