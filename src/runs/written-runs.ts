import { LRUCache } from 'lru-cache';
import {
  RUNS_PER_LOOKUP_MAX,
  WRITTEN_RUN_BYTES_MAX,
  WRITTEN_RUNS_BYTES_MAX,
} from '../contracts/limits.ts';
import { gather } from '../storage/together.ts';
import type { Db } from '../storage/pool.ts';
import { readRunVersions } from '../storage/run-versions.ts';
import type { RunRow } from '../storage/runs.ts';
import type { WholeRun } from '../storage/whole-runs.ts';
import { isOpen } from './run-state.ts';
import { viewWholeRun } from './view-run.ts';

/** A run object as it is sent. */
export type WrittenRun = Pick<RunRow, 'id' | 'agent_id' | 'event_number'> & { json: Buffer };

/** Run objects of runs that have ended, kept as they are sent: to read and write them anew costs more than all the rest. */
export interface WrittenRuns {
  /** The run as it is now, if it is kept: Postgres is asked each time whether it has changed since. */
  find(tenantId: string, id: string): Promise<WrittenRun | undefined>;
  /** Writes a run, and keeps it if it has ended. */
  write(run: WholeRun): WrittenRun;
}

/** What an entry takes beside its JSON. */
const ENTRY_BYTES = 1024;

export function createWrittenRuns({ pool }: { pool: Db }): WrittenRuns {
  const kept = new LRUCache<string, WrittenRun & { version: string }>({
    maxSize: WRITTEN_RUNS_BYTES_MAX,
    maxEntrySize: WRITTEN_RUN_BYTES_MAX,
    sizeCalculation: ({ json, version }) => json.length + version.length + ENTRY_BYTES,
  });
  const readVersion = gather(
    RUNS_PER_LOOKUP_MAX,
    (asks: readonly { tenantId: string; id: string }[]) => readRunVersions(pool, asks),
  );
  const nameOf = (tenantId: string, id: string): string => `${tenantId}/${id}`;
  return {
    async find(tenantId, id) {
      const name = nameOf(tenantId, id);
      const run = kept.get(name);
      if (run === undefined) return undefined;
      const version = await readVersion({ tenantId, id });
      return version === run.version ? run : undefined;
    },
    write(run) {
      const { id, agent_id, event_number, version } = run;
      const written = { id, agent_id, event_number, version, json: toBytes(viewWholeRun(run)) };
      if (!isOpen(run)) kept.set(nameOf(run.tenant_id, id), written);
      return written;
    },
  };
}

/** In memory of its own: a piece of Node's pool would keep all of that piece's page. */
function toBytes(value: unknown): Buffer {
  const text = JSON.stringify(value);
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
