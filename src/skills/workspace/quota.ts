import { AosError } from '../../contracts/failures.ts';
import { errnoOf, quotePath } from './failures.ts';
import type { Folder } from './folder.ts';
import { TEMPORARY_PREFIX } from './path.ts';

const LEFTOVER_AGE_MS = 3600 * 1000;

/** An amount of a workspace: bytes of files, and how many files and folders. */
interface Amount {
  bytes: number;
  entries: number;
}

/** Throws when what a workspace holds and `growth` together pass `max`. */
export async function assertRoom(
  home: Folder,
  path: string,
  growth: Amount,
  max: Amount,
): Promise<void> {
  const used = await measure(home, max.entries);
  const isOver = used.entries > max.entries;
  if (isOver || (growth.entries > 0 && used.entries + growth.entries > max.entries)) {
    throw full(
      path,
      `of at most ${max.entries} files and folders, ${isOver ? 'all' : used.entries} are there`,
    );
  }
  if (growth.bytes > 0 && used.bytes + growth.bytes > max.bytes) {
    throw full(
      path,
      `of at most ${max.bytes} bytes, ${used.bytes} are used and ${growth.bytes} more are asked for`,
    );
  }
}

const full = (path: string, why: string): AosError =>
  new AosError(
    'FS_QUOTA_EXCEEDED',
    `${quotePath(path)} does not fit in the workspace: ${why}. Write less, or ask the operator to empty the workspace.`,
  );

/** Counts what is there, up to just above `entriesMax`, and removes what a crash left more than an hour ago. */
async function measure(home: Folder, entriesMax: number): Promise<Amount> {
  const used: Amount = { bytes: 0, entries: 0 };
  await addFolder(home, used, entriesMax);
  return used;
}

async function addFolder(folder: Folder, used: Amount, entriesMax: number): Promise<void> {
  for (const entry of await folder.entries()) {
    if (used.entries > entriesMax) return;
    if (entry.isDirectory()) {
      used.entries += 1;
      await addSubfolder(folder, entry.name, used, entriesMax);
      continue;
    }
    const stats = await folder.stat(entry.name);
    if (!stats) continue;
    if (entry.name.startsWith(TEMPORARY_PREFIX) && Date.now() - stats.mtimeMs > LEFTOVER_AGE_MS) {
      await folder.unlink(entry.name);
      continue;
    }
    used.entries += 1;
    used.bytes += stats.size;
  }
}

async function addSubfolder(
  parent: Folder,
  name: string,
  used: Amount,
  entriesMax: number,
): Promise<void> {
  const folder = await openIfThere(parent, name);
  if (!folder) return;
  try {
    await addFolder(folder, used, entriesMax);
  } finally {
    await folder.close();
  }
}

/** A folder that was removed or swapped since it was listed holds nothing that counts. */
async function openIfThere(parent: Folder, name: string): Promise<Folder | undefined> {
  try {
    return await parent.openFolder(name);
  } catch (error) {
    const isSwapped = error instanceof AosError && error.failure.code === 'FS_PATH_REFUSED';
    if (isSwapped || ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
}
