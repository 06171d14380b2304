import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { AosError } from '../contracts/failures.ts';
import {
  WORKSPACE_BYTES_MAX,
  WORKSPACE_ENTRIES_MAX,
  WORKSPACE_FILE_BYTES_MAX,
} from '../contracts/limits.ts';
import { errnoOf, notFound, quotePath, tooLarge, toWorkspaceError } from './workspace/failures.ts';
import { inspectFile, placeFile, readWholeFile } from './workspace/file.ts';
import type { FilePlace } from './workspace/file.ts';
import { openRoot } from './workspace/folder.ts';
import type { Folder } from './workspace/folder.ts';
import { parseWorkspacePath } from './workspace/path.ts';
import { assertRoom } from './workspace/quota.ts';
import { createTurns } from './workspace/turns.ts';

const TENANT_ID = /^[A-Za-z0-9_-]{1,64}$/;

interface WorkspaceOptions {
  /** Folder of all workspaces, one folder a tenant; made at the first write. */
  root: string;
  /** Most bytes of one file. Default 8 MiB. */
  fileBytesMax?: number;
  /** Most bytes of one tenant. Default 256 MiB. */
  bytesMax?: number;
  /** Most files and folders of one tenant. Default 10,000. */
  entriesMax?: number;
  /** Whether names are looked up through /proc/self/fd. Default: where that exists. */
  pinned?: boolean;
}

interface WorkspaceRead {
  tenantId: string;
  path: string;
  bytesMax?: number | undefined;
  signal?: AbortSignal;
}

interface WorkspaceWrite {
  tenantId: string;
  path: string;
  bytes: Buffer;
  /** Whether a file that is there is replaced; when false, one with the same content is a success. */
  overwrite: boolean;
  signal?: AbortSignal;
}

/** The files of each tenant. Both methods throw `AosError`, or the reason of their signal. */
export interface Workspace {
  fileBytesMax: number;
  read(request: WorkspaceRead): Promise<Buffer>;
  write(request: WorkspaceWrite): Promise<{ created: boolean }>;
}

/**
 * Opens the workspaces under a folder. Writes of a tenant take turns within this process, so its quota holds exactly;
 * several processes on one disk may together pass it by what they write at the same moment.
 */
export function createWorkspace({
  root,
  fileBytesMax = WORKSPACE_FILE_BYTES_MAX,
  bytesMax = WORKSPACE_BYTES_MAX,
  entriesMax = WORKSPACE_ENTRIES_MAX,
  pinned = existsSync('/proc/self/fd'),
}: WorkspaceOptions): Workspace {
  const inTurn = createTurns();

  async function read(request: WorkspaceRead): Promise<Buffer> {
    const { folders, file } = parseWorkspacePath(request.path);
    return withFolders(async (keep) => {
      const top = keep(await openRoot(root, pinned));
      const home = keep(await top.openFolder(request.tenantId));
      const { folder, missing } = await descend(home, folders, keep);
      if (missing.length > 0) throw notFound(request.path);
      request.signal?.throwIfAborted();
      const place = { folder, name: file, path: request.path };
      return readWholeFile(place, Math.min(request.bytesMax ?? fileBytesMax, fileBytesMax));
    });
  }

  async function write(request: WorkspaceWrite): Promise<{ created: boolean }> {
    const { path, bytes, overwrite, signal } = request;
    signal?.throwIfAborted();
    const { folders, file } = parseWorkspacePath(path);
    if (bytes.length > fileBytesMax) throw tooLarge(path, bytes.length, fileBytesMax);
    await mkdir(root, { recursive: true, mode: 0o700 });
    return withFolders(async (keep) => {
      const top = keep(await openRoot(root, pinned));
      const home = keep(await top.makeFolder(request.tenantId));
      let { folder, missing } = await descend(home, folders, keep);
      const existing =
        missing.length === 0 ? await inspectFile({ folder, name: file, path }) : undefined;
      if (existing && !overwrite) return confirmSame({ folder, name: file, path }, bytes);

      const growth = {
        bytes: bytes.length - (existing?.size ?? 0),
        entries: existing ? 0 : missing.length + 1,
      };
      await assertRoom(home, path, growth, { bytes: bytesMax, entries: entriesMax });
      signal?.throwIfAborted();
      for (const name of missing) folder = keep(await folder.makeFolder(name));
      const place = { folder, name: file, path };
      const isPlaced = await placeFile(place, bytes, { overwrite, signal });
      return isPlaced ? { created: existing === undefined } : confirmSame(place, bytes);
    });
  }

  return {
    fileBytesMax,
    read: (request) => withTeaching(request, () => read(request)),
    write: (request) => withTeaching(request, () => inTurn(request.tenantId, () => write(request))),
  };
}

async function confirmSame(place: FilePlace, bytes: Buffer): Promise<{ created: boolean }> {
  const stats = await inspectFile(place);
  if (stats?.size === bytes.length && (await readWholeFile(place, bytes.length)).equals(bytes)) {
    await place.folder.sync();
    return { created: false };
  }
  throw new AosError(
    'PARAMS_INVALID',
    `${quotePath(place.path)} exists with other content and \`overwrite\` is false. Choose another path, or set \`overwrite\` to true.`,
  );
}

type Keep = (folder: Folder) => Folder;

async function withFolders<T>(work: (keep: Keep) => Promise<T>): Promise<T> {
  const opened: Folder[] = [];
  try {
    return await work((folder) => {
      opened.push(folder);
      return folder;
    });
  } finally {
    await Promise.all(opened.map((folder) => folder.close()));
  }
}

async function descend(
  home: Folder,
  names: string[],
  keep: Keep,
): Promise<{ folder: Folder; missing: string[] }> {
  let folder = home;
  for (const [index, name] of names.entries()) {
    try {
      folder = keep(await folder.openFolder(name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { folder, missing: names.slice(index) };
      throw error;
    }
  }
  return { folder, missing: [] };
}

async function withTeaching<T>(
  { tenantId, path }: { tenantId: string; path: string },
  work: () => Promise<T>,
): Promise<T> {
  if (!TENANT_ID.test(tenantId)) {
    throw new AosError('FS_PATH_REFUSED', 'The tenant id is no name for a folder.');
  }
  try {
    return await work();
  } catch (error) {
    throw toWorkspaceError(error, path);
  }
}
