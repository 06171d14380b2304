import { AosError } from '../../contracts/failures.ts';

/** A path as messages show it: quoted, control characters escaped, never longer than a line. */
export const quotePath = (path: string): string =>
  JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);

/** Asks for the code alone: an error of another realm is no instance of `Error`. */
export const errnoOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

export const pathRefused = (path: string, why: string): AosError =>
  new AosError(
    'FS_PATH_REFUSED',
    `The path ${quotePath(path)} is refused: ${why}. Use a plain relative path such as "reports/today.txt".`,
  );

export const notFound = (path: string): AosError =>
  new AosError(
    'FS_NOT_FOUND',
    `The workspace has no file ${quotePath(path)}. Write it in an earlier step, or correct the path.`,
  );

export const notAFile = (path: string): AosError =>
  new AosError(
    'FS_NOT_A_FILE',
    `${quotePath(path)} is no regular file, or one of its folders is none. Name a file inside folders.`,
  );

export const tooLarge = (
  path: string,
  bytes: number,
  bytesMax: number,
  fix = 'Split the content.',
): AosError =>
  new AosError(
    'FS_TOO_LARGE',
    `${quotePath(path)} takes at least ${bytes} bytes and the cap is ${bytesMax}. ${fix}`,
  );

const IO_REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota of the service is used up',
  EACCES: 'the service may not touch it',
  EPERM: 'the service may not touch it',
  EROFS: 'the disk is read-only',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** Turns what the operating system threw into a failure that names the path of the plan, never the real one. */
export function toWorkspaceError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof AosError || errno === undefined) return error;
  switch (errno) {
    case 'ENOENT':
      return notFound(path);
    case 'ELOOP':
      return pathRefused(path, 'it passes through a link');
    case 'ENAMETOOLONG':
      return pathRefused(path, 'a name in it is too long');
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENXIO':
      return notAFile(path);
    default:
      return new AosError(
        'FS_IO_FAILED',
        `The disk refused ${quotePath(path)}: ${IO_REASONS[errno] ?? 'see the error number'} (${errno}). Try again later, or ask the operator.`,
        {},
        { cause: error },
      );
  }
}
