import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recording } from './recorder.ts';

/** A profile as V8 writes it; times are microseconds. */
interface CpuProfile {
  nodes: { id: number; callFrame: CallFrame }[];
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

export interface FunctionCost {
  name: string;
  selfMs: number;
}

/** The profiles of one process by thread; thread 0 is the main one. */
export type ThreadProfiles = Map<number, CpuProfile>;

const FILE_NAME = /^CPU\.\d+\.\d+\.(\d+)\.(\d+)\.\d+\.cpuprofile$/;
const NOT_WORK = new Set(['(idle)', '(root)']);

export async function readProfiles(dir: string, pid: number): Promise<ThreadProfiles> {
  const profiles: ThreadProfiles = new Map();
  for (const name of await readdir(dir)) {
    const [, filePid, thread] = FILE_NAME.exec(name) ?? [];
    if (Number(filePid) !== pid) continue;
    profiles.set(Number(thread), JSON.parse(await readFile(join(dir, name), 'utf8')) as CpuProfile);
  }
  return profiles;
}

/** Where a function is: its package, or its path below the repository. */
function placeOf({ url, lineNumber }: CallFrame): string {
  if (url === '') return 'native';
  const path = url.replace(/^file:\/\//, '');
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (inPackage !== undefined) return inPackage;
  if (path.startsWith('node:')) return path;
  return `${/\/dist\/(.*)$/.exec(path)?.[1] ?? path}:${lineNumber + 1}`;
}

/** Self time by function, and by package or file, of the samples that lie in the recording's windows. */
export function costsOf(
  profile: CpuProfile,
  { windows }: Recording,
): { functions: FunctionCost[]; places: FunctionCost[]; totalMs: number } {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const places = new Map<string, number>();
  let at = profile.startTime;
  let totalMs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = profile.timeDeltas[index]!;
    at += deltaUs;
    if (!windows.some(({ fromUs, toUs }) => at >= fromUs && at <= toUs)) continue;
    const frame = frames.get(id)!;
    if (NOT_WORK.has(frame.functionName)) continue;
    const ms = deltaUs / 1000;
    const place = placeOf(frame);
    const name = `${frame.functionName || '(anonymous)'} — ${place}`;
    functions.set(name, (functions.get(name) ?? 0) + ms);
    const file = place.replace(/:\d+$/, '');
    places.set(file, (places.get(file) ?? 0) + ms);
    totalMs += ms;
  }
  const ranked = (costs: Map<string, number>): FunctionCost[] =>
    [...costs].map(([name, selfMs]) => ({ name, selfMs })).toSorted((a, b) => b.selfMs - a.selfMs);
  return { functions: ranked(functions), places: ranked(places), totalMs };
}
