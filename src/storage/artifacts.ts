import { OUTPUT_PREVIEW_CHARS } from '../contracts/limits.ts';
import type { Db, Transaction } from './pool.ts';

export interface NewArtifact {
  id: string;
  tenantId: string;
  runId: string;
  sha256: string;
  bytes: number;
  content: string;
}

export async function insertArtifact(tx: Transaction, artifact: NewArtifact): Promise<void> {
  await tx.query(
    'INSERT INTO artifacts (id, tenant_id, run_id, sha256, bytes, content) VALUES ($1, $2, $3, $4, $5, $6)',
    [
      artifact.id,
      artifact.tenantId,
      artifact.runId,
      artifact.sha256,
      artifact.bytes,
      artifact.content,
    ],
  );
}

/** A step's output as JSON text, or what stands for one that is kept as an artifact; neither where it is sealed. */
export interface StoredOutput {
  output: string | null;
  artifact: { id: string; sha256: string; bytes: number; preview: string } | null;
}

export async function readStoredOutput(
  db: Db,
  runId: string,
  stepId: string,
): Promise<StoredOutput | undefined> {
  const { rows } = await db.query<{
    output: string | null;
    id: string | null;
    sha256: string;
    bytes: number;
    preview: string;
  }>(
    `SELECT s.output, a.id, a.sha256, a.bytes, left(a.content, $3) AS preview
     FROM steps s LEFT JOIN artifacts a ON a.id = s.artifact_id
     WHERE s.run_id = $1 AND s.id = $2 AND s.status = 'succeeded'`,
    [runId, stepId, OUTPUT_PREVIEW_CHARS],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { output, id, ...facts } = row;
  return { output, artifact: id === null ? null : { id, ...facts } };
}

/** The output of a sensitive step that has succeeded. */
export async function readSealedOutput(
  db: Db,
  runId: string,
  stepId: string,
): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ sealed: Buffer | null }>(
    `SELECT sealed FROM steps WHERE run_id = $1 AND id = $2 AND status = 'succeeded'`,
    [runId, stepId],
  );
  return rows[0]?.sealed ?? undefined;
}

export async function readArtifact(db: Db, runId: string, id: string): Promise<string> {
  const { rows } = await db.query<{ content: string }>(
    'SELECT content FROM artifacts WHERE run_id = $1 AND id = $2',
    [runId, id],
  );
  return rows[0]!.content;
}

/** The beginning of a step's output, as JSON text that is cut off; nothing where it is sealed. */
export async function readOutputStart(
  db: Db,
  runId: string,
  stepId: string,
  chars: number,
): Promise<string> {
  const { rows } = await db.query<{ start: string | null }>(
    `SELECT left(coalesce(s.output, a.content), $3) AS start
     FROM steps s LEFT JOIN artifacts a ON a.id = s.artifact_id WHERE s.run_id = $1 AND s.id = $2`,
    [runId, stepId, chars],
  );
  return rows[0]?.start ?? '';
}
