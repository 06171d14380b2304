import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** The user of the operating system that a program runs as. */
export interface Account {
  uid: number;
  gid: number;
}

export interface ProgramOptions {
  timeoutMs: number;
  /** @default the user of this process */
  account?: Account | undefined;
  /** @default the environment of this process */
  env?: Record<string, string>;
}

export interface ProgramResult {
  ok: boolean;
  /** Its standard output; after a failure all that it wrote, or why it could not run. */
  output: string;
}

/** Runs a program to its end; a failure is an answer, not an error. */
export async function runProgram(
  file: string,
  args: string[],
  { timeoutMs, account, env }: ProgramOptions,
): Promise<ProgramResult> {
  try {
    const { stdout } = await execFileAsync(file, args, {
      ...account,
      ...(env && { env }),
      // The folder of this process may be closed to the account.
      cwd: '/',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    return { ok: true, output: stdout };
  } catch (error) {
    return { ok: false, output: outputOf(error, timeoutMs) };
  }
}

function outputOf(error: unknown, timeoutMs: number): string {
  const { stdout, stderr, killed, message } = error as Error & Record<string, string | boolean>;
  if (killed === true) return `no answer within ${timeoutMs} ms`;
  const written = [stdout, stderr].filter((text) => typeof text === 'string').join('');
  return written.trim() === '' ? String(message) : written;
}

/** The end of what a program wrote, short enough for an error message. */
export const endOf = (output: string): string =>
  output.trim().split('\n').slice(-3).join(' ').slice(-500);
