import { constants } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { link, lstat, mkdir, open, readdir, realpath, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AosError } from '../../contracts/failures.ts';
import { errnoOf } from './failures.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const FOLDER_MODE = 0o700;

/**
 * One open folder. Every name is a single component looked up from the folder's descriptor, as `openat` does,
 * so a path swapped for a link after the check leads nowhere else.
 */
export interface Folder {
  stat(name: string): Promise<Stats | undefined>;
  entries(): Promise<Dirent[]>;
  openFile(name: string, flags: number, mode?: number): Promise<FileHandle>;
  openFolder(name: string): Promise<Folder>;
  /** Opens the folder, after making it if it is not there. */
  makeFolder(name: string): Promise<Folder>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Removes a name; one that is gone already is no error. */
  unlink(name: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the folder that holds all workspaces. `pinned` looks names up through /proc/self/fd (Linux); without it
 * paths are compared before and after each step, which leaves a swap back and forth within one step unseen.
 */
export async function openRoot(path: string, pinned: boolean): Promise<Folder> {
  const place = await realpath(path);
  return createFolder(await open(place, O_RDONLY | O_DIRECTORY), place, pinned);
}

function createFolder(handle: FileHandle, place: string, pinned: boolean): Folder {
  const base = pinned ? `/proc/self/fd/${handle.fd}` : place;
  const at = async (name: string): Promise<string> => {
    if (!pinned) await assertAt(handle, place);
    return `${base}/${name}`;
  };
  const openFile = async (name: string, flags: number, mode?: number): Promise<FileHandle> => {
    const child = await open(await at(name), flags | O_NOFOLLOW, mode);
    try {
      if (!pinned) await assertAt(child, `${place}/${name}`);
      return child;
    } catch (error) {
      await child.close();
      throw error;
    }
  };
  const stat = async (name: string): Promise<Stats | undefined> =>
    unlessGone(lstat(await at(name)));
  const sync = (): Promise<void> => handle.sync();
  const openFolder = async (name: string): Promise<Folder> => {
    try {
      const child = await openFile(name, O_RDONLY | O_DIRECTORY);
      return createFolder(child, `${place}/${name}`, pinned);
    } catch (error) {
      // For a link Linux says ENOTDIR here, as it does for a file.
      if (errnoOf(error) === 'ENOTDIR' && (await stat(name))?.isSymbolicLink()) throw throughLink();
      throw error;
    }
  };
  return {
    stat,
    entries: async () => {
      if (!pinned) await assertAt(handle, place);
      return readdir(base, { withFileTypes: true });
    },
    openFile,
    openFolder,
    makeFolder: async (name) => {
      try {
        await mkdir(await at(name), FOLDER_MODE);
        await sync();
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
      return openFolder(name);
    },
    rename: async (from, to) => rename(await at(from), `${base}/${to}`),
    link: async (from, to) => link(await at(from), `${base}/${to}`),
    unlink: async (name) => unlessGone(unlink(await at(name))),
    sync,
    close: () => handle.close(),
  };
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function assertAt(handle: FileHandle, place: string): Promise<void> {
  const [opened, found, real] = await Promise.all([handle.stat(), lstat(place), realpath(place)]);
  if (real !== place || opened.ino !== found.ino || opened.dev !== found.dev) throw throughLink();
}

const throughLink = (): AosError =>
  new AosError(
    'FS_PATH_REFUSED',
    'A folder of the path is a link, or was swapped for one. Use folders that the workspace itself has made.',
  );
