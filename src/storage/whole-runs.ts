import { OUTPUT_PREVIEW_CHARS } from '../contracts/limits.ts';
import type { StoredOutput } from './artifacts.ts';
import type { Db } from './pool.ts';
import { RUN_VERSION } from './run-versions.ts';
import { RUN_COLUMNS } from './runs.ts';
import type { RunRow } from './runs.ts';
import { STEP_COLUMNS } from './steps.ts';
import type { StepRow } from './steps.ts';

/** A run with its steps, the output that it has come to, and its RUN_VERSION. */
export type WholeRun = RunRow & {
  steps: StepRow[];
  stored: StoredOutput | undefined;
  version: string;
};

/** A step as JSON has it. */
type WrittenStep = Omit<StepRow, 'started_at' | 'completed_at'> &
  Record<'started_at' | 'completed_at', string | null>;

type Found = RunRow & {
  version: string;
  steps: WrittenStep[] | null;
  stored_id: string | null;
  output: string | null;
  artifact_id: string | null;
  sha256: string;
  bytes: number;
  preview: string;
};

/** A run of this tenant with all that the run object shows, in one statement: what is read most. */
export async function findWholeRun(
  db: Db,
  tenantId: string,
  id: string,
): Promise<WholeRun | undefined> {
  const { rows } = await db.query<Found>(
    `SELECT ${RUN_COLUMNS.replaceAll(/\w+/g, 'r.$&')}, ${RUN_VERSION} AS version,
       (SELECT json_agg(s ORDER BY s.index) FROM (SELECT ${STEP_COLUMNS} FROM steps WHERE run_id = r.id) s) AS steps,
       o.id AS stored_id, o.output, a.id AS artifact_id, a.sha256, a.bytes, left(a.content, $3) AS preview
     FROM runs r
       LEFT JOIN steps o ON o.run_id = r.id AND o.id = r.output_step_id AND o.status = 'succeeded'
       LEFT JOIN artifacts a ON a.id = o.artifact_id
     WHERE r.tenant_id = $1 AND r.id = $2`,
    [tenantId, id, OUTPUT_PREVIEW_CHARS],
  );
  if (!rows[0]) return undefined;
  const { steps, stored_id, output, artifact_id, sha256, bytes, preview, ...run } = rows[0];
  const artifact = artifact_id === null ? null : { id: artifact_id, sha256, bytes, preview };
  return {
    ...run,
    steps: (steps ?? []).map(toStep),
    stored: stored_id === null ? undefined : { output, artifact },
  };
}

const toStep = (written: WrittenStep): StepRow => ({
  ...written,
  started_at: toDate(written.started_at),
  completed_at: toDate(written.completed_at),
});

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text));
