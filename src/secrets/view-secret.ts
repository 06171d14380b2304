import type { SecretView } from '../contracts/secret.ts';
import type { SecretRow } from '../storage/secrets.ts';

/** What anybody may see of a secret. */
export const viewSecret = (row: SecretRow): SecretView => ({
  name: row.name,
  hosts: row.hosts,
  version: row.version,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  last_used_at: row.last_used_at?.toISOString() ?? null,
});
