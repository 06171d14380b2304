import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const fileAt = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CACHE = fileAt('../../.aos/cache');
const PACKAGES = join(CACHE, 'schemathesis-4.32.5');
const REQUIREMENTS = fileAt('../schemathesis/requirements.txt');
const CONFIG = fileAt('../schemathesis/schemathesis.toml');

const INSTALL_MS_MAX = 600_000;
const RUN_MS_MAX = 900_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const python = async (
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout: number },
): Promise<{ code: number | string; output: string }> =>
  promisify(execFile)('python3', args, { ...options, maxBuffer: OUTPUT_BYTES_MAX }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code?: number; signal?: string; stdout?: string; stderr?: string }) => ({
      code: error.code ?? error.signal ?? 'unknown',
      output: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }),
  );

/** Fetches Schemathesis and all that it needs from PyPI, once: later runs find it in the cache. */
export async function installSchemathesis(): Promise<void> {
  if (existsSync(PACKAGES)) return;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'schemathesis-fetch-'));
  try {
    const install = ['-m', 'pip', 'install', '--quiet', '--no-input', '--no-deps'];
    install.push('--disable-pip-version-check', '--only-binary', ':all:');
    install.push('--target', draft, '-r', REQUIREMENTS);
    const { code, output } = await python(install, { timeout: INSTALL_MS_MAX });
    if (code !== 0) throw new Error(`Schemathesis could not be fetched from PyPI: ${output}`);
    // Another process may have been first.
    if (!existsSync(PACKAGES)) await rename(draft, PACKAGES);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Runs it over the document that a server publishes, with all its checks, and the same requests each time. */
export async function runSchemathesis(
  url: string,
  key: string,
  more: string[],
): Promise<{ code: number | string; output: string }> {
  // It leaves files where it runs.
  const cwd = await mkdtemp(join(tmpdir(), 'aos-schemathesis-'));
  try {
    const args = ['-m', 'schemathesis.cli', '--no-color', '--config-file', CONFIG];
    args.push('run', `${url}/openapi.json`, '--header', `X-API-Key: ${key}`);
    args.push('--generation-deterministic', '--continue-on-failure');
    args.push('--generation-with-security-parameters', 'false');
    args.push('--suppress-health-check', 'all', '--request-timeout', '90', ...more);
    const env = { PATH: process.env['PATH'], HOME: cwd, PYTHONPATH: PACKAGES };
    return await python(args, { cwd, env, timeout: RUN_MS_MAX });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
