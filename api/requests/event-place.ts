import { AosError } from '../../src/contracts/failures.ts';
import { clip } from '../../src/domain/plan/wording.ts';
import { parseEventId } from '../../src/events/event-id.ts';
import { placeOf, placeOfNumber } from '../../src/live/place.ts';
import type { Place } from '../../src/live/place.ts';
import type { Scope } from '../../src/live/scope.ts';
import { readEventsEnd } from '../../src/storage/event-feed.ts';
import { isEventPlace } from '../../src/storage/live-events.ts';
import type { Db } from '../../src/storage/pool.ts';

const LATEST = 'latest';
const OLDEST = { run: '0', tenant: '0-0' };
const NUMBER = /^\d{1,15}$/;

/** Where a reader goes on; without a place, at the beginning or with what is next. Errors: EVENT_ID_INVALID. */
export async function placeToGoOn(
  db: Db,
  scope: Scope,
  asked: { path: string; after: string | undefined; otherwise: 'oldest' | 'latest' },
): Promise<Place> {
  const after = asked.after ?? (asked.otherwise === 'latest' ? LATEST : OLDEST[scope.kind]);
  const invalid = (why: string): AosError => eventIdInvalid(why, asked.path, OLDEST[scope.kind]);
  if (scope.kind === 'run') {
    if (after === LATEST) return placeOfNumber(scope.lastNumber);
    if (!NUMBER.test(after))
      throw invalid(
        `${quoted(after)} is no number of an event of a run, and no \`latest\`.` +
          (parseEventId(after)
            ? ' It is an `id` of GET /api/v1/events; a run goes on by `number`.'
            : ''),
      );
    if (Number(after) > scope.lastNumber)
      throw invalid(`The run has ${scope.lastNumber} events, and none with the number ${after}.`);
    return placeOfNumber(Number(after));
  }
  if (after === LATEST) return placeOf(await readEventsEnd(db));
  const place = parseEventId(after);
  if (!place) throw invalid(`${quoted(after)} is no \`id\` of an event, and no \`latest\`.`);
  if (!(await isEventPlace(db, scope.tenantId, place)))
    throw invalid(`The tenant has no event with the \`id\` ${after}.`);
  return placeOf(place);
}

const quoted = (text: string): string => JSON.stringify(clip(text));

function eventIdInvalid(why: string, path: string, oldest: string): AosError {
  const goOn = (after: string, reason: string) => ({
    action: 'fix_request' as const,
    method: 'GET',
    path: `${path}?after=${after}`,
    why: reason,
  });
  return new AosError('EVENT_ID_INVALID', why, {
    recovery: [
      goOn(LATEST, 'Goes on from now; what happened in between is left out.'),
      goOn(
        oldest,
        'Goes on from the oldest event: those that are known come again, with their ids.',
      ),
    ],
  });
}
