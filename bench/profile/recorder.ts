import type { PostgresProbe } from '../measure/postgres-counters.ts';
import { addDifference, readStatements } from './statements.ts';
import type { StatementCost } from './statements.ts';

/** What was seen while AOS did the runs of one scenario. */
export interface Recording {
  runs: number;
  statements: Map<string, StatementCost>;
  /** In microseconds of the machine's monotonic clock, which CPU profiles use too. */
  windows: { fromUs: number; toUs: number }[];
}

export interface Recorder {
  recordings: ReadonlyMap<string, Recording>;
  /** Lets `work` do so many runs and notes under the scenario's name what they took. */
  record<T>(scenario: string, runs: number, work: () => Promise<T>): Promise<T>;
}

const newRecording = (): Recording => ({ runs: 0, statements: new Map(), windows: [] });

const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

export function createRecorder(probe: PostgresProbe): Recorder {
  const recordings = new Map<string, Recording>();
  return {
    recordings,
    async record(scenario, runs, work) {
      const recording = recordings.get(scenario) ?? newRecording();
      recordings.set(scenario, recording);
      const before = await readStatements(probe);
      const fromUs = nowUs();
      const result = await work();
      recording.windows.push({ fromUs, toUs: nowUs() });
      addDifference(recording.statements, before, await readStatements(probe));
      recording.runs += runs;
      return result;
    },
  };
}

/** For a bench without profiles. */
export const noRecorder: Recorder = {
  recordings: new Map(),
  record: (_scenario, _runs, work) => work(),
};
