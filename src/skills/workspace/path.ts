import {
  WORKSPACE_FOLDERS_DEEP_MAX,
  WORKSPACE_NAME_BYTES_MAX,
  WORKSPACE_PATH_LENGTH_MAX,
} from '../../contracts/limits.ts';
import { pathRefused } from './failures.ts';

/** Names that start like this belong to writes in progress. */
export const TEMPORARY_PREFIX = '.aos-tmp-';

/** Where a file is: the folders from the top of the workspace, then its name. */
interface WorkspacePath {
  folders: string[];
  file: string;
}

/** Splits the path of a plan into names, or throws what is wrong with it; `.` components are dropped. */
export function parseWorkspacePath(path: string): WorkspacePath {
  const refuse = (why: string): never => {
    throw pathRefused(path, why);
  };
  if (path === '') refuse('it is empty');
  if (path.length > WORKSPACE_PATH_LENGTH_MAX) {
    refuse(`it has ${path.length} characters and the most is ${WORKSPACE_PATH_LENGTH_MAX}`);
  }
  if (path.startsWith('/')) refuse('it is absolute');
  if (/^[A-Za-z]:/.test(path)) refuse('it begins with a drive letter');
  if (path.includes('\\')) refuse('it has a backslash');
  if (/\p{Cc}/u.test(path)) refuse('it has a control character');
  if (/\p{Surrogate}/u.test(path)) refuse('it has half of a surrogate pair');

  const names = path.split('/');
  for (const name of names) {
    if (name === '') refuse('it has an empty component');
    if (name === '..') refuse('it climbs with ".."');
    if (name.toLowerCase().startsWith(TEMPORARY_PREFIX)) {
      refuse(`names that begin with "${TEMPORARY_PREFIX}" are kept for writes in progress`);
    }
    if (Buffer.byteLength(name) > WORKSPACE_NAME_BYTES_MAX) {
      refuse(`a name in it is longer than ${WORKSPACE_NAME_BYTES_MAX} bytes`);
    }
  }
  const file = names.at(-1)!;
  if (file === '.') refuse('it names no file');
  const folders = names.slice(0, -1).filter((name) => name !== '.');
  if (folders.length > WORKSPACE_FOLDERS_DEEP_MAX) {
    refuse(`it is ${folders.length} folders deep and the most is ${WORKSPACE_FOLDERS_DEEP_MAX}`);
  }
  return { folders, file };
}
