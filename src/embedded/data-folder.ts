import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isRunning } from './running-process.ts';

export interface DataFolder {
  release(): Promise<void>;
}

/** Another process holds the folder. */
export class DataFolderInUse extends Error {
  /** Which program it runs. */
  readonly script: string;

  constructor(dataDir: string, pid: string, script: string) {
    super(
      `AOS is running on ${dataDir} already (process ${pid}). Stop it, or set AOS_DATA_DIR to another folder.`,
    );
    this.script = script;
  }
}

/** Keeps a second supervisor off a data folder in use; a folder whose supervisor was killed is taken over. Errors: DataFolderInUse. */
export async function takeDataFolder(dataDir: string): Promise<DataFolder> {
  const path = join(dataDir, 'supervisor.pid');
  // The script is noted too: after a crash the process id may be another program's.
  const mark = `${process.pid} ${basename(process.argv[1] ?? '')}`;
  for (;;) {
    try {
      await writeFile(path, mark, { flag: 'wx' });
      return { release: () => releaseOwn(path, mark) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = '', script = ''] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
    if (script !== '' && Number(pid) !== process.pid && (await isRunning(Number(pid), script))) {
      throw new DataFolderInUse(dataDir, pid, script);
    }
    await rm(path, { force: true });
  }
}

async function releaseOwn(path: string, mark: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) === mark) await rm(path, { force: true });
}
