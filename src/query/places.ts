import { AosError } from '../contracts/failures.ts';
import {
  QUERIES_AT_ONCE_MAX,
  QUERIES_AT_ONCE_PER_TENANT_MAX,
  QUERIES_WAITING_MAX,
  QUERIES_WAITING_PER_TENANT_MAX,
  QUERY_MS_MAX,
} from '../contracts/limits.ts';
import { createTurns } from '../domain/turns.ts';

/** Lets so many questions into Postgres at once, so that they leave connections for everything else. */
export interface Places {
  /** Errors: SERVICE_UNAVAILABLE when too many wait already, or when who asked is gone at its turn. */
  take<T>(tenantId: string, work: () => Promise<T>, isGone?: () => boolean): Promise<T>;
}

export interface PlacesMax {
  atOnce: number;
  waiting: number;
}

const OF_ALL: PlacesMax = { atOnce: QUERIES_AT_ONCE_MAX, waiting: QUERIES_WAITING_MAX };
const OF_TENANT: PlacesMax = {
  atOnce: QUERIES_AT_ONCE_PER_TENANT_MAX,
  waiting: QUERIES_WAITING_PER_TENANT_MAX,
};

/** A tenant has places of its own, fewer than there are, so that others find some whatever it asks. */
export function createPlaces(ofAll = OF_ALL, ofTenant = OF_TENANT): Places {
  const all = createRoom('The process', ofAll);
  const tenants = new Map<string, Room>();
  return {
    async take(tenantId, work, isGone = () => false) {
      const room = tenants.get(tenantId) ?? createRoom('The tenant', ofTenant);
      tenants.set(tenantId, room);
      try {
        return await room.take(() =>
          all.take(async () => {
            if (!isGone()) return work();
            throw new AosError('SERVICE_UNAVAILABLE', 'Nobody waits for the answer any more.');
          }),
        );
      } finally {
        if (room.isEmpty()) tenants.delete(tenantId);
      }
    },
  };
}

interface Room {
  take<T>(work: () => Promise<T>): Promise<T>;
  isEmpty(): boolean;
}

function createRoom(whose: string, { atOnce, waiting }: PlacesMax): Room {
  const inTurn = createTurns(atOnce);
  let asked = 0;
  return {
    async take(work) {
      if (asked >= atOnce + waiting) {
        throw new AosError(
          'SERVICE_UNAVAILABLE',
          `${whose} has ${atOnce} questions that are being answered and ${waiting} that wait: ask again in a moment.`,
          { retry_after_ms: QUERY_MS_MAX },
        );
      }
      asked += 1;
      try {
        return await inTurn(work);
      } finally {
        asked -= 1;
      }
    },
    isEmpty: () => asked === 0,
  };
}
