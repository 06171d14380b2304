import { costsOf, readProfiles } from '../profile/cpu-profiles.ts';
import { formatNumber, formatTable } from '../report/table.ts';

/** When a pairing was measured, by the monotonic clock, which CPU profiles use too. */
export interface Window {
  name: string;
  fromUs: number;
  toUs: number;
}

const SHOWN = 25;

export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Where the API has spent its time, by package or file and by function. */
export async function reportApiProfile(
  dir: string,
  pid: number,
  windows: readonly Window[],
): Promise<string> {
  const profile = (await readProfiles(dir, pid)).get(0);
  if (profile === undefined) return 'The API has left no profile.';
  const tables = windows.map((window) => {
    const recording = { runs: 1, statements: new Map(), windows: [window] };
    const { functions, places, totalMs } = costsOf(profile, recording);
    const rows = [...places.slice(0, SHOWN), ...functions.slice(0, SHOWN)].map((cost) => [
      cost.name.slice(0, 100),
      formatNumber((cost.selfMs * 100) / totalMs),
    ]);
    return formatTable([[`API in ${window.name}`, '% of its time'], ...rows]);
  });
  return tables.join('\n\n');
}
