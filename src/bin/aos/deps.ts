import type { KeyDeps } from '../../keys/deps.ts';
import type { ViewKeyDeps } from '../../keys/view-key.ts';
import type { Actor } from '../../storage/audit-entries.ts';

/** What a command works with. */
export type CommandDeps = KeyDeps & ViewKeyDeps;

/** Gives a command the database, and prints what it answers. */
export type RunCommand = (work: (deps: CommandDeps) => Promise<string>) => Promise<void>;

/** The operator at the server, who needs no key. */
export const operatorOf = (tenantId: string): Actor => ({
  tenantId,
  keyId: null,
  requestId: null,
});
