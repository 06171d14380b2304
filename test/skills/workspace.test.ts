import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AosError } from '../../src/contracts/failures.ts';
import { createWorkspace } from '../../src/skills/workspace.ts';
import type { Workspace } from '../../src/skills/workspace.ts';

const TENANT = 'tenant_1';
let base: string;
let root: string;
let home: string;
let outside: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'aos-workspace-'));
  root = join(base, 'root');
  home = join(root, TENANT);
  outside = join(base, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.txt'), 'secret');
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

const write = (
  workspace: Workspace,
  path: string,
  content: string,
  { overwrite = true, tenantId = TENANT } = {},
): Promise<{ created: boolean }> =>
  workspace.write({ tenantId, path, bytes: Buffer.from(content), overwrite });

const read = async (workspace: Workspace, path: string): Promise<string> =>
  (await workspace.read({ tenantId: TENANT, path })).toString();

/** The failure code of something that throws, unless its message shows a real path. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    if (!(error instanceof AosError)) throw error;
    return error.message.includes(base) ? 'shows a real path' : error.failure.code;
  }
}

function assertOutsideUntouched(): void {
  expect(readdirSync(outside)).toEqual(['secret.txt']);
  expect(readFileSync(join(outside, 'secret.txt'), 'utf8')).toBe('secret');
}

describe.each([
  ['by descriptor', true],
  ['by path', false],
])('a workspace %s', (_, pinned) => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = createWorkspace({ root, pinned });
  });

  test('gives back what was written, in folders it makes for its owner alone', async () => {
    expect(await write(workspace, 'a/b/c.txt', 'one')).toEqual({ created: true });
    expect(await write(workspace, './a/./b/c.txt', 'two')).toEqual({ created: false });
    expect(await read(workspace, 'a/b/c.txt')).toBe('two');
    expect(readFileSync(join(home, 'a/b/c.txt'), 'utf8')).toBe('two');
    expect(readdirSync(join(home, 'a/b'))).toEqual(['c.txt']);
    for (const folder of [home, join(home, 'a'), join(home, 'a/b')]) {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
    expect(statSync(join(home, 'a/b/c.txt')).mode & 0o777).toBe(0o600);
  });

  test('keeps tenants apart and refuses a tenant id that is no plain name', async () => {
    await write(workspace, 'mine.txt', 'mine');
    const other = workspace.read({ tenantId: 'tenant_2', path: 'mine.txt' });
    expect(await codeOf(other)).toBe('FS_NOT_FOUND');
    for (const tenantId of ['', '.', '..', '../tenant_1', 'a/b', 'a'.repeat(65), 'a\n']) {
      expect(await codeOf(write(workspace, 'x', 'x', { tenantId }))).toBe('FS_PATH_REFUSED');
    }
  });

  test.each([
    '',
    '.',
    'a/.',
    '..',
    '../outside/secret.txt',
    'a/../../outside/secret.txt',
    'a/..',
    '/etc/passwd',
    '//etc/passwd',
    'a//b',
    'a/',
    'a\\b',
    '..\\x',
    'C:/x',
    'c:x',
    'a\0b',
    'a\nb',
    'a\ud800b',
    '.aos-tmp-1',
    'a/.AOS-tmp-1/b',
  ])('refuses the path %j', async (path) => {
    mkdirSync(join(home, 'a'), { recursive: true });
    expect(await codeOf(workspace.read({ tenantId: TENANT, path }))).toBe('FS_PATH_REFUSED');
    expect(await codeOf(write(workspace, path, 'x'))).toBe('FS_PATH_REFUSED');
    expect(readdirSync(home, { recursive: true })).toEqual(['a']);
    assertOutsideUntouched();
  });

  test('bounds the length of names and paths and the depth of folders', async () => {
    for (const path of ['é'.repeat(128), 'long/'.repeat(205), `${'d/'.repeat(33)}x`]) {
      expect(await codeOf(read(workspace, path))).toBe('FS_PATH_REFUSED');
      expect(await codeOf(write(workspace, path, 'x'))).toBe('FS_PATH_REFUSED');
    }
    for (const path of ['x'.repeat(255), `${'d/'.repeat(32)}x`]) {
      await write(workspace, path, 'x');
      expect(await read(workspace, path)).toBe('x');
    }
  });

  test.each(['..a', 'a..', '...', '.hidden', 'a b', 'é/日本', '%2e%2e', '~', 'ab:c'])(
    'takes the path %j as it stands',
    async (path) => {
      await write(workspace, path, 'x');
      expect(readFileSync(join(home, path), 'utf8')).toBe('x');
      expect(await read(workspace, path)).toBe('x');
    },
  );

  test('refuses links wherever they stand in the path', async () => {
    mkdirSync(home, { recursive: true });
    symlinkSync(outside, join(home, 'folder'));
    symlinkSync(join(outside, 'secret.txt'), join(home, 'leaf'));
    symlinkSync(join(outside, 'new.txt'), join(home, 'dangling'));
    for (const path of ['folder/secret.txt', 'folder/new/deep.txt', 'leaf', 'dangling']) {
      expect(await codeOf(workspace.read({ tenantId: TENANT, path }))).toBe('FS_PATH_REFUSED');
      expect(await codeOf(write(workspace, path, 'x'))).toBe('FS_PATH_REFUSED');
    }
    assertOutsideUntouched();
  });

  test('refuses a tenant folder that is a link', async () => {
    mkdirSync(root);
    symlinkSync(outside, home);
    const secret = workspace.read({ tenantId: TENANT, path: 'secret.txt' });
    expect(await codeOf(secret)).toBe('FS_PATH_REFUSED');
    expect(await codeOf(write(workspace, 'x', 'x'))).toBe('FS_PATH_REFUSED');
    assertOutsideUntouched();
  });

  test('refuses to read or replace a file that has a second name', async () => {
    mkdirSync(home, { recursive: true });
    linkSync(join(outside, 'secret.txt'), join(home, 'twin.txt'));
    linkSync(join(outside, 'secret.txt'), join(home, '.aos-tmp-twin'));
    expect(await codeOf(read(workspace, 'twin.txt'))).toBe('FS_PATH_REFUSED');
    expect(await codeOf(write(workspace, 'twin.txt', 'x'))).toBe('FS_PATH_REFUSED');
    assertOutsideUntouched();
  });

  test('refuses pipes, sockets and folders without waiting for them', async () => {
    mkdirSync(join(home, 'folder'), { recursive: true });
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(home, 'pipe')]);
    const server = createServer().listen(join(home, 'socket'));
    await once(server, 'listening');
    writeFileSync(join(home, 'file'), 'x');
    try {
      for (const path of ['folder', 'pipe', 'socket', 'file/below']) {
        expect(await codeOf(read(workspace, path))).toBe('FS_NOT_A_FILE');
        expect(await codeOf(write(workspace, path, 'x'))).toBe('FS_NOT_A_FILE');
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('says that a file, a folder or a whole workspace is not there', async () => {
    expect(await codeOf(read(workspace, 'x'))).toBe('FS_NOT_FOUND');
    await write(workspace, 'a/x', 'x');
    for (const path of ['y', 'a/y', 'b/x']) {
      expect(await codeOf(read(workspace, path))).toBe('FS_NOT_FOUND');
    }
    expect(existsSync(join(home, 'b'))).toBe(false);
  });

  test('without overwrite takes a new name or the same content, nothing else', async () => {
    expect(await write(workspace, 'a', 'one', { overwrite: false })).toEqual({ created: true });
    expect(await write(workspace, 'a', 'one', { overwrite: false })).toEqual({ created: false });
    for (const content of ['two', 'longer', '']) {
      const again = write(workspace, 'a', content, { overwrite: false });
      expect(await codeOf(again)).toBe('PARAMS_INVALID');
    }
    expect(await read(workspace, 'a')).toBe('one');
    expect(readdirSync(home)).toEqual(['a']);
    expect(statSync(join(home, 'a')).nlink).toBe(1);
  });

  test('repairs a file whose writer was lost between its two names', async () => {
    for (const again of [
      () => read(workspace, 'a'),
      () => write(workspace, 'a', 'one', { overwrite: false }),
      () => write(workspace, 'a', 'one'),
    ]) {
      await write(workspace, 'a', 'one');
      linkSync(join(home, 'a'), join(home, '.aos-tmp-lost'));
      await again();
      expect(readdirSync(home)).toEqual(['a']);
    }
  });

  test('turns a refusal of the disk into a failure that shows no real path', async () => {
    writeFileSync(root, 'a file where the folder of all workspaces should be');
    expect(await codeOf(write(workspace, 'a', 'x'))).toBe('FS_IO_FAILED');
  });

  test('closes every descriptor it opens, whatever the outcome', async () => {
    await write(workspace, 'a/b', 'x');
    symlinkSync(outside, join(home, 'link'));
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 20; round += 1) {
      await write(workspace, 'a/b', 'x');
      await read(workspace, 'a/b');
      await codeOf(read(workspace, 'a/missing'));
      await codeOf(write(workspace, 'a', 'x'));
      await codeOf(write(workspace, 'link/x', 'x'));
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('limits', () => {
  test('a file may be as large as its cap and no larger, both ways', async () => {
    const workspace = createWorkspace({ root, fileBytesMax: 10 });
    await write(workspace, 'a', 'x'.repeat(10));
    expect(await codeOf(write(workspace, 'b', 'x'.repeat(11)))).toBe('FS_TOO_LARGE');
    writeFileSync(join(home, 'b'), 'x'.repeat(11));
    const both = { tenantId: TENANT, path: 'b', bytesMax: 1000 };
    expect(await codeOf(workspace.read(both))).toBe('FS_TOO_LARGE');
    const less = { tenantId: TENANT, path: 'a', bytesMax: 9 };
    expect(await codeOf(workspace.read(less))).toBe('FS_TOO_LARGE');
    expect(await read(workspace, 'a')).toBe('x'.repeat(10));
  });

  test('the quota counts all files of the tenant, and a replaced file only once', async () => {
    const workspace = createWorkspace({ root, bytesMax: 100 });
    await write(workspace, 'a/b', 'x'.repeat(60));
    await write(workspace, 'c', 'x'.repeat(40));
    expect(await codeOf(write(workspace, 'd/e', 'x'))).toBe('FS_QUOTA_EXCEEDED');
    expect(existsSync(join(home, 'd'))).toBe(false);
    await write(workspace, 'a/b', 'y'.repeat(60));
    expect(await codeOf(write(workspace, 'a/b', 'x'.repeat(61)))).toBe('FS_QUOTA_EXCEEDED');
    expect(await read(workspace, 'a/b')).toBe('y'.repeat(60));
    await write(workspace, 'd', 'x'.repeat(100), { tenantId: 'tenant_2' });
    await write(workspace, 'a/b', 'y'.repeat(59));
    await write(workspace, 'd', 'x');
  });

  test('many writers at once do not pass the quota together', async () => {
    const workspace = createWorkspace({ root, bytesMax: 100 });
    const codes = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        codeOf(write(workspace, `${index % 3}/${index}`, 'x'.repeat(10))),
      ),
    );
    expect(codes.filter((code) => code === 'ok')).toHaveLength(10);
    expect(codes.filter((code) => code === 'FS_QUOTA_EXCEEDED')).toHaveLength(20);
  });

  test('files and folders are counted too, so that empty ones do not fill the disk', async () => {
    const workspace = createWorkspace({ root, entriesMax: 4 });
    await write(workspace, 'a/b/c', '');
    expect(await codeOf(write(workspace, 'd/e', ''))).toBe('FS_QUOTA_EXCEEDED');
    await write(workspace, 'd', '');
    expect(await codeOf(write(workspace, 'e', ''))).toBe('FS_QUOTA_EXCEEDED');
    await write(workspace, 'd', 'still replaced');
  });

  test('what a crash left is removed after an hour and counts until then', async () => {
    const workspace = createWorkspace({ root, bytesMax: 100 });
    await write(workspace, 'a/b', 'x');
    const leftover = join(home, 'a/.aos-tmp-lost');
    writeFileSync(leftover, 'x'.repeat(99));
    expect(await codeOf(write(workspace, 'c', 'x'))).toBe('FS_QUOTA_EXCEEDED');
    const twoHoursAgo = new Date(Date.now() - 2 * 3600 * 1000);
    utimesSync(leftover, twoHoursAgo, twoHoursAgo);
    await write(workspace, 'c', 'x');
    expect(existsSync(leftover)).toBe(false);
  });

  test('a link inside the workspace is not followed to count what is outside', async () => {
    const workspace = createWorkspace({ root, bytesMax: 200 });
    await write(workspace, 'a', 'x');
    writeFileSync(join(outside, 'large'), 'x'.repeat(1000));
    symlinkSync(outside, join(home, 'link'));
    expect(await write(workspace, 'b', 'x')).toEqual({ created: true });
  });
});

describe('at the same time', () => {
  test('a reader sees the old or the new content, never a part', async () => {
    const workspace = createWorkspace({ root });
    const contents = ['a', 'b', 'c'].map((letter) => letter.repeat(1024 * 1024));
    await write(workspace, 'f', contents[0]!);
    let isDone = false;
    const reading = (async () => {
      const seen = new Set<string>();
      while (!isDone) seen.add(await read(workspace, 'f'));
      return seen;
    })();
    try {
      for (let round = 0; round < 30; round += 1) {
        await write(workspace, 'f', contents[round % 3]!);
      }
    } finally {
      isDone = true;
    }
    for (const content of await reading) expect(contents.includes(content)).toBe(true);
    expect(readdirSync(home)).toEqual(['f']);
  });

  test('of many writers without overwrite exactly one wins, in two workspaces on one disk', async () => {
    const workspaces = [createWorkspace({ root }), createWorkspace({ root })];
    for (let round = 0; round < 20; round += 1) {
      const codes = await Promise.all(
        workspaces.map((workspace, index) =>
          codeOf(write(workspace, `f${round}`, `writer ${index}`, { overwrite: false })),
        ),
      );
      expect(codes.toSorted()).toEqual(['PARAMS_INVALID', 'ok']);
    }
    expect(readdirSync(home).filter((name) => name.startsWith('.aos'))).toEqual([]);
  });

  test('a write that is cancelled while it waits for its turn changes nothing', async () => {
    const workspace = createWorkspace({ root });
    const first = write(workspace, 'a', 'first');
    const controller = new AbortController();
    const second = workspace.write({
      tenantId: TENANT,
      path: 'a',
      bytes: Buffer.from('second'),
      overwrite: true,
      signal: controller.signal,
    });
    controller.abort(new AosError('CANCELLED', 'Enough.'));
    expect(await codeOf(second)).toBe('CANCELLED');
    await first;
    expect(await read(workspace, 'a')).toBe('first');

    const elsewhere = workspace.write({
      tenantId: 'tenant_2',
      path: 'a',
      bytes: Buffer.from('third'),
      overwrite: true,
      signal: controller.signal,
    });
    expect(await codeOf(elsewhere)).toBe('CANCELLED');
    expect(readdirSync(root)).toEqual([TENANT]);
  });

  test('a folder or file swapped for a link again and again never leads outside', async () => {
    const workspace = createWorkspace({ root });
    await write(workspace, 'dir/secret.txt', 'inside');
    await write(workspace, 'leaf', 'inside');
    // A writer may make the folder anew while it is parked: then that one has to go.
    const swap = `
      const { renameSync, rmSync, symlinkSync, unlinkSync } = require('node:fs');
      const [, outside] = process.argv;
      const end = Date.now() + 2000;
      const insist = (name, step) => {
        while (Date.now() < end + 1000) {
          try {
            return step();
          } catch {
            try {
              rmSync(name, { recursive: true, force: true });
            } catch {}
          }
        }
        throw new Error('The swap did not succeed for a second.');
      };
      const swap = (name, target) => {
        renameSync(name, name + '.parked');
        insist(name, () => symlinkSync(target, name));
        unlinkSync(name);
        insist(name, () => renameSync(name + '.parked', name));
      };
      while (Date.now() < end) {
        swap('dir', outside);
        swap('leaf', outside + '/secret.txt');
      }`;
    const swapper = spawn(process.execPath, ['-e', swap, outside], { cwd: home, stdio: 'inherit' });
    const exit = once(swapper, 'exit');
    let isDone = false;
    const seen = new Map<string, number>();
    const note = (outcome: string) => seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    const attempt = async (label: string, work: () => Promise<unknown>): Promise<void> => {
      while (!isDone) {
        const outcome = await work().catch((error: unknown) =>
          error instanceof AosError ? error.failure.code : String(error),
        );
        note(`${label}: ${typeof outcome === 'string' ? outcome : 'written'}`);
      }
    };
    const attempts = [
      attempt('read', () => read(workspace, 'dir/secret.txt')),
      attempt('leaf', () => read(workspace, 'leaf')),
      attempt('write', () => write(workspace, 'dir/new.txt', 'x')),
      attempt('write', () => write(workspace, 'dir/other.txt', 'x')),
    ];
    const [exitCode] = (await exit) as [number];
    isDone = true;
    await Promise.all(attempts);
    expect(exitCode).toBe(0);
    assertOutsideUntouched();
    const allowed =
      /^(read|leaf): (inside|FS_PATH_REFUSED|FS_NOT_FOUND|FS_NOT_A_FILE)$|^write: (written|FS_\w+)$/;
    for (const outcome of seen.keys()) expect(outcome).toMatch(allowed);
    for (const outcome of ['read: inside', 'leaf: inside', 'write: written']) {
      expect(seen.get(outcome)).toBeGreaterThan(0);
    }
    for (const outcome of ['read', 'leaf', 'write'].map((label) => `${label}: FS_PATH_REFUSED`)) {
      expect(seen.get(outcome)).toBeGreaterThan(0);
    }
  });
});
