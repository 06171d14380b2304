import { stat } from 'node:fs/promises';
import { AosError } from '../contracts/failures.ts';
import { runProgram } from './run-program.ts';
import type { Account } from './run-program.ts';

const ACCOUNTS = ['postgres', 'nobody'];

/**
 * Postgres refuses root, so root lends it an account that exists: the owner of the data, else `postgres`, else
 * `nobody`. No account is created. Undefined means: our own.
 */
export async function findPostgresAccount(data: string): Promise<Account | undefined> {
  const ownUid = process.getuid?.();
  const owner = await stat(data).catch(() => undefined);
  if (ownUid !== 0) {
    if (owner === undefined || owner.uid === ownUid) return undefined;
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `The database in ${data} belongs to user ${owner.uid}, and this is user ${ownUid}. Start AOS as ` +
        'the user who made it (or as root), or choose another data folder.',
    );
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ACCOUNTS) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    'Postgres does not run as root, and this machine has no user `postgres` or `nobody` to run it as. ' +
      'Start AOS as an ordinary user, or add a user named postgres.',
  );
}

async function idOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  const { ok, output } = await runProgram('id', [flag, name], { timeoutMs: 5000 });
  const id = Number(output.trim());
  return ok && Number.isInteger(id) && id > 0 ? id : undefined;
}
