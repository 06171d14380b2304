import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux has fixed for what it shows to programs. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  parentPid: number;
  ownSeconds: number;
  /** Of children that have ended and were waited for. */
  endedChildrenSeconds: number;
}

/** Fields of /proc/PID/stat (proc(5)): 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime. */
function readTimes(pid: number): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces; what follows it starts with field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (field: number): number => Number(fields[field - 3]);
    return {
      parentPid: at(4),
      ownSeconds: (at(14) + at(15)) / TICKS_PER_SECOND,
      endedChildrenSeconds: (at(16) + at(17)) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}

/** CPU seconds that a process has used, all its threads included; NaN where there is no /proc. */
export const cpuSecondsOf = (pid: number): number => readTimes(pid)?.ownSeconds ?? NaN;

/** The same of a process with all its children, those that have ended included. */
export function cpuSecondsOfTree(pid: number): number {
  const root = readTimes(pid);
  if (root === undefined) return NaN;
  let seconds = root.ownSeconds + root.endedChildrenSeconds;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const times = readTimes(Number(name));
    if (times?.parentPid === pid) seconds += times.ownSeconds;
  }
  return seconds;
}

export const parentOf = (pid: number): number | undefined => readTimes(pid)?.parentPid;
