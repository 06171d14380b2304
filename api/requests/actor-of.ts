import type { Actor } from '../../src/storage/audit-entries.ts';
import type { AosContext } from '../state.ts';

/** Who asks for a change, for the record of changes. */
export const actorOf = ({ state }: AosContext): Actor => ({
  tenantId: state.key.tenant_id,
  keyId: state.key.id,
  requestId: state.requestId,
});
