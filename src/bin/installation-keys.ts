import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HashKey } from '../keys/deps.ts';

/** The pepper of an embedded installation. */
export const ensureKeyPepper = (dataDir: string): Promise<string> =>
  ensureRandomText(dataDir, 'key-pepper');

/** What an embedded installation seals secrets with. */
export const ensureSecretsKey = (dataDir: string): Promise<string> =>
  ensureRandomText(dataDir, 'secrets-key');

/** Made at the first start, kept with mode 600 beside the data it protects. */
async function ensureRandomText(dataDir: string, name: string): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, name);
  try {
    await writeFile(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFile(path, 'utf8');
}

/** A key is random, so one keyed hash is enough; the pepper keeps a stolen table useless. */
export const createHashKey =
  (pepper: string): HashKey =>
  (key) =>
    createHmac('sha256', pepper).update(key).digest();
