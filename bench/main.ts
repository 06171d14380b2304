import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitWith, stopOnSignal } from '../src/bin/lifecycle.ts';
import { readFlags, USAGE } from './flags.ts';
import type { Flags, ScenarioName } from './flags.ts';
import { createRecorder, noRecorder } from './profile/recorder.ts';
import { reportAims } from './report/aims.ts';
import { describeMachine } from './report/machine.ts';
import { reportProfiles } from './report/profile-report.ts';
import { runToEnd } from './run-to-end.ts';
import { benchDbos } from './scenarios/against-dbos.ts';
import {
  benchInline,
  benchParallelCalls,
  benchSequentialCalls,
} from './scenarios/against-temporal.ts';
import { benchCapRace } from './scenarios/cap-race.ts';
import type { Bench, ScenarioReport } from './scenarios/scenario.ts';
import { benchSubmit } from './scenarios/submit.ts';
import { benchTransactions } from './scenarios/transactions.ts';
import { startWorld } from './world/world.ts';

const scenarios: Record<ScenarioName, (bench: Bench) => Promise<ScenarioReport>> = {
  inline: benchInline,
  dbos: benchDbos,
  sequential: benchSequentialCalls,
  parallel: benchParallelCalls,
  transactions: benchTransactions,
  'cap-race': benchCapRace,
  submit: benchSubmit,
};

function flagsOrExit(): Flags {
  try {
    const flags = readFlags(process.argv.slice(2));
    if (flags !== 'help') return flags;
  } catch (error) {
    exitWith(error);
  }
  console.log(USAGE);
  process.exit(0);
}

const { rounds, only, quick: isQuick, profile, json } = flagsOrExit();
const onProgress = (text: string): void => console.error(`· ${text}`);
const profileDir = profile ? await mkdtemp(join(tmpdir(), 'aos-bench-profile-')) : undefined;
const starting = startWorld({ ...(profileDir !== undefined && { profileDir }), onProgress });
stopOnSignal(() => starting.then((started) => started.stop()).catch(() => undefined));
const world = await starting.catch(exitWith);
const recorder = profile ? createRecorder(world.probe) : noRecorder;
const { pids } = world;

/** Every scenario in turn; a figure that is not what it says it is ends the bench. */
async function run(): Promise<void> {
  const machine = await describeMachine(world);
  console.log(machine);
  const reports = new Map<string, ScenarioReport>();
  for (const name of only) {
    const report = await scenarios[name]({ world, recorder, rounds, isQuick, onProgress });
    reports.set(name, report);
    console.log(`\n${report.text}`);
  }
  const aims = [...reports.values()].flatMap((report) => report.aims);
  console.log(`\n${reportAims(aims)}`);
  if (json === undefined) return;
  const figures = Object.fromEntries([...reports].map(([name, report]) => [name, report.figures]));
  const flags = { rounds, quick: isQuick, profile };
  await writeFile(json, JSON.stringify({ at: new Date(), machine, flags, aims, figures }, null, 2));
}

await runToEnd({
  world,
  run,
  profiles:
    profileDir === undefined
      ? undefined
      : {
          dir: profileDir,
          report: (dir) => reportProfiles(recorder, dir, { api: pids.api, worker: pids.worker }),
        },
});
