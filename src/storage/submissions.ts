import type { Json } from '../contracts/json.ts';
import { NEXT_ACTION_BYTES_MAX } from '../contracts/limits.ts';
import type { Db } from './pool.ts';

/** What a run was submitted with; undefined is what is too large to be shown. */
export interface Submission {
  plan: Json | undefined;
  input: Json | undefined;
}

export async function findSubmission(db: Db, tenantId: string, runId: string): Promise<Submission> {
  const { rows } = await db.query<{ plan: string | null; input: string | null }>(
    `SELECT CASE WHEN octet_length(plan) <= $3 THEN plan END AS plan,
       CASE WHEN octet_length(input) <= $3 THEN input END AS input
     FROM runs WHERE tenant_id = $1 AND id = $2`,
    [tenantId, runId, NEXT_ACTION_BYTES_MAX],
  );
  const read = (text: string | null | undefined): Json | undefined =>
    text == null ? undefined : (JSON.parse(text) as Json);
  return { plan: read(rows[0]?.plan), input: read(rows[0]?.input) };
}
