import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from './running-process.ts';

export interface DataFolder {
  release(): Promise<void>;
}

/** Keeps a second supervisor off a data folder in use; a folder whose supervisor was killed is taken over. */
export async function takeDataFolder(dataDir: string): Promise<DataFolder> {
  const path = join(dataDir, 'supervisor.pid');
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  // A process id may be used again by another program after a crash.
  if (holder > 0 && holder !== process.pid && (await isRunning(holder, 'node'))) {
    throw new Error(
      `AOS is running on ${dataDir} already (process ${holder}). Stop it, or set AOS_DATA_DIR to another folder.`,
    );
  }
  await writeFile(path, String(process.pid));
  return { release: () => rm(path, { force: true }) };
}
