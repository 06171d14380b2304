import { costsOf, readProfiles } from '../profile/cpu-profiles.ts';
import type { FunctionCost } from '../profile/cpu-profiles.ts';
import type { Recorder } from '../profile/recorder.ts';
import { formatNumber, formatTable } from './table.ts';

const STATEMENTS_SHOWN = 25;
const FUNCTIONS_SHOWN = 20;
const PLACES_SHOWN = 12;
const NAME_LENGTH_MAX = 110;
/** Threads that did less than this are not worth a table. */
const THREAD_MS_MIN = 50;

/** What the runs of each scenario cost, by statement and by function, after the processes have ended. */
export async function reportProfiles(
  recorder: Recorder,
  dir: string,
  pids: { api: number; worker: number },
): Promise<string> {
  const parts: string[] = [];
  for (const [scenario, recording] of recorder.recordings) {
    const { runs } = recording;
    parts.push(`Profile of ${scenario}, ${runs} runs`);
    const statements = [...recording.statements.values()].toSorted((a, b) => b.totalMs - a.totalMs);
    const sum = (of: (cost: { calls: number; totalMs: number }) => number): string =>
      formatNumber(statements.reduce((total, cost) => total + of(cost), 0) / runs);
    parts.push(
      formatTable([
        ['statement', 'calls/run', 'ms/run', 'ms/call'],
        ...statements
          .slice(0, STATEMENTS_SHOWN)
          .map(({ query, calls, totalMs }) => [
            query.replaceAll(/\s+/g, ' ').slice(0, NAME_LENGTH_MAX),
            formatNumber(calls / runs),
            formatNumber(totalMs / runs),
            formatNumber(totalMs / calls),
          ]),
        ['all', sum(({ calls }) => calls), sum(({ totalMs }) => totalMs), ''],
      ]),
    );
    for (const [name, pid] of Object.entries(pids)) {
      for (const [thread, profile] of await readProfiles(dir, pid)) {
        const { functions, places, totalMs } = costsOf(profile, recording);
        if (totalMs < THREAD_MS_MIN) continue;
        const table = (head: string, costs: FunctionCost[], shown: number): string =>
          formatTable([
            [head, 'ms/run', '%'],
            ...costs
              .slice(0, shown)
              .map((cost) => [
                cost.name.slice(0, NAME_LENGTH_MAX),
                formatNumber(cost.selfMs / runs),
                formatNumber((cost.selfMs * 100) / totalMs),
              ]),
            ['all', formatNumber(totalMs / runs), ''],
          ]);
        const title = `${name}, ${thread === 0 ? 'main thread' : `thread ${thread}`}`;
        parts.push(table(`${title}: self time by package or file`, places, PLACES_SHOWN));
        parts.push(table(`${title}: self time by function`, functions, FUNCTIONS_SHOWN));
      }
    }
  }
  return parts.join('\n\n');
}
