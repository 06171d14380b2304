import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchWheel } from '../../src/embedded/fetch-wheel.ts';
import type { Wheel } from '../../src/embedded/fetch-wheel.ts';

const pinned = (project: string, version: string, sha256: string): Wheel => ({
  title: project,
  project,
  version,
  sha256: [sha256],
  advice:
    'The test of the published client needs it: install Python 3.9 or later with pip as python3 and allow it to reach PyPI.',
});

/** The client of the earlier AOS, as it was published. */
const SDK = pinned(
  'aos-sdk',
  '0.1.0',
  '8597ab787f3aad03080d0cffa5930276fe03e306bb51bdeed7cb9dc6ff04ea7d',
);
const IDNA = pinned(
  'idna',
  '3.10',
  '946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3',
);
const CERTIFI = pinned(
  'certifi',
  '2025.4.26',
  '30350364dfe371162649852c63336a15c70c6510c2ad5015b21c2345311805f3',
);

/** It speaks HTTP by httpx where that is installed, else by requests. */
const TRANSPORTS = {
  httpx: [
    pinned('httpx', '0.28.1', 'd909fcccc110f8c7faf814ca82a9a4d816bc5a6dbfea25d6591d6985b8ba59ad'),
    pinned('httpcore', '1.0.9', '2d400746a40668fc9dec9810239072b40b4484b640a8c38fd654a024c7a1bf55'),
    pinned('h11', '0.16.0', '63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86'),
    pinned('anyio', '4.9.0', '9f76d541cad6e36af7beb62e978876f3b41e3e04f2c1fbf0884604c0a9c4d93c'),
    pinned('sniffio', '1.3.1', '2f6da418d1f1e0fddd844478f41680e794e6051915791a034ff65e5f100525a2'),
    pinned(
      'typing_extensions',
      '4.13.2',
      'a439e7c04b49fec3e5d3e2beaa21755cadbbdc391694e28ccdd36ca4a1408f8c',
    ),
  ],
  requests: [
    pinned(
      'requests',
      '2.32.3',
      '70761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6',
    ),
    pinned('urllib3', '2.4.0', '4e16665048960a0900c702d4a66415956a584919c03361cac9f1df5c5dd7e813'),
  ],
} as const;
export type Transport = keyof typeof TRANSPORTS;

const CACHE = fileURLToPath(new URL('../../.aos/cache', import.meta.url));

/** The folder that holds the client with one of its transports, fetched if need be: the value of PYTHONPATH. */
export async function findPythonSdk(transport: Transport): Promise<string> {
  const packages = join(CACHE, `aos-sdk-${SDK.version}-${transport}`);
  if (existsSync(packages)) return packages;
  await mkdir(CACHE, { recursive: true });
  const parent = await mkdtemp(join(CACHE, 'aos-sdk-fetch-'));
  try {
    const draft = join(parent, 'packages');
    for (const wheel of [SDK, IDNA, CERTIFI, ...TRANSPORTS[transport]])
      await fetchWheel(wheel, CACHE, (folder) => cp(folder, draft, { recursive: true }));
    // Somebody else may have fetched the same meanwhile.
    await rename(draft, packages).catch((error: unknown) => {
      if (!existsSync(packages)) throw error;
    });
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
  return packages;
}
