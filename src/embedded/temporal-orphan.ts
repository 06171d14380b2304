import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AosError } from '../contracts/failures.ts';
import { endProcess, readProcess } from './running-process.ts';

const STOP_MS_MAX = 10_000;

const TemporalRecord = z.object({ pid: z.int().positive(), supervisor_pid: z.int().positive() });

const recordOf = (dataDir: string): string => join(dataDir, 'temporal.pid.json');

/** Writes down who runs and who looks after it, for the start after a crash. */
export async function recordTemporal(dataDir: string, pid: number): Promise<void> {
  const record: z.infer<typeof TemporalRecord> = { pid, supervisor_pid: process.pid };
  await writeFile(recordOf(dataDir), JSON.stringify(record), { mode: 0o600 });
}

/** Stops the server of this database file if the process that started it was killed. */
export async function stopTemporalOrphan(dataDir: string, databaseFile: string): Promise<void> {
  const record = await readRecord(dataDir);
  const found = record && (await readProcess(record.pid));
  // The number alone may belong to another program by now.
  if (!record || !found?.command.includes(databaseFile)) return;
  if (found.parentPid === record.supervisor_pid) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `The Temporal of ${databaseFile} is in use by process ${found.parentPid}. Stop that AOS first, or ` +
        'choose another data folder.',
    );
  }
  await endProcess(record.pid, databaseFile, STOP_MS_MAX);
}

async function readRecord(dataDir: string): Promise<z.infer<typeof TemporalRecord> | undefined> {
  try {
    return TemporalRecord.parse(JSON.parse(await readFile(recordOf(dataDir), 'utf8')));
  } catch {
    // Absent, or half written when the machine went down: nothing of then runs now.
    return undefined;
  }
}
