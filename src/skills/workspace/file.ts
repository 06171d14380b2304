import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { AosError } from '../../contracts/failures.ts';
import { errnoOf, notAFile, notFound, pathRefused, quotePath, tooLarge } from './failures.ts';
import type { Folder } from './folder.ts';
import { TEMPORARY_PREFIX } from './path.ts';

const { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const FILE_MODE = 0o600;
const READ_FIX = 'Raise `max_bytes` if the step sets it, or write smaller files.';

/** A name in an open folder; `path` is what the plan called it. */
export interface FilePlace {
  folder: Folder;
  name: string;
  path: string;
}

/** What stands there: nothing, or a regular file with no second name; anything else is refused. */
export async function inspectFile({ folder, name, path }: FilePlace): Promise<Stats | undefined> {
  let stats = await folder.stat(name);
  if (stats?.isFile() && stats.nlink > 1) {
    await dropTwins(folder, stats);
    stats = await folder.stat(name);
  }
  if (stats) assertOwnFile(stats, path);
  return stats;
}

/** Reads a whole file of at most `bytesMax`, without ever waiting for a pipe or a device. */
export async function readWholeFile(place: FilePlace, bytesMax: number): Promise<Buffer> {
  const { folder, name, path } = place;
  if (!(await inspectFile(place))) throw notFound(path);
  const handle = await folder.openFile(name, O_RDONLY | O_NONBLOCK);
  try {
    const stats = await handle.stat();
    assertOwnFile(stats, path);
    if (stats.size > bytesMax) throw tooLarge(path, stats.size, bytesMax, READ_FIX);
    return await readBytes(handle, stats.size, path);
  } finally {
    await handle.close();
  }
}

/** Puts a file in place whole or not at all; false when `overwrite` is off and the name was taken meanwhile. */
export async function placeFile(
  { folder, name }: FilePlace,
  bytes: Buffer,
  { overwrite, signal }: { overwrite: boolean; signal: AbortSignal | undefined },
): Promise<boolean> {
  const temporary = `${TEMPORARY_PREFIX}${randomUUID()}`;
  try {
    const handle = await folder.openFile(temporary, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    if (overwrite) await folder.rename(temporary, name);
    else await folder.link(temporary, name);
  } catch (error) {
    if (!overwrite && errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await folder.unlink(temporary);
  }
  await folder.sync();
  return true;
}

/** A worker lost between link and unlink leaves its own temporary as the second name of the file. */
async function dropTwins(folder: Folder, { dev, ino }: Stats): Promise<void> {
  for (const { name } of await folder.entries()) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const twin = await folder.stat(name);
    if (twin?.ino === ino && twin.dev === dev) await folder.unlink(name);
  }
}

function assertOwnFile(stats: Stats, path: string): void {
  if (stats.isSymbolicLink()) throw pathRefused(path, 'it is a link');
  if (!stats.isFile()) throw notAFile(path);
  if (stats.nlink > 1) throw pathRefused(path, 'the file has a second name (a hard link)');
}

async function readBytes(handle: FileHandle, size: number, path: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) return buffer.subarray(0, filled);
    filled += bytesRead;
  }
  throw new AosError(
    'FS_IO_FAILED',
    `${quotePath(path)} grew while it was read. Something outside of AOS writes to it: try again later.`,
  );
}
