import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitWith, stopOnSignal } from '../../src/bin/lifecycle.ts';
import { reportAims } from '../report/aims.ts';
import { describeMachine } from '../report/machine.ts';
import { runToEnd } from '../run-to-end.ts';
import { measurePairing } from './paired.ts';
import { pairingsOf } from './pairings.ts';
import { nowUs, reportApiProfile } from './profile.ts';
import type { Window } from './profile.ts';
import { aimOf, reportPairings } from './report.ts';
import type { MeasuredPairing } from './report.ts';
import { copyRun, RUNS } from './runs-table.ts';
import { startApiWorld } from './world.ts';

const SECONDS = 4;

/** `npm run bench:api [-- --rounds N] [--only WORD] [--quick] [--profile] [--json FILE]` */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
if (!Number.isInteger(rounds) || rounds < 1)
  exitWith(new Error('--rounds takes a whole number from 1.'));
const seconds = values.quick ? 1 : SECONDS;

const onProgress = (text: string): void => console.error(`· ${text}`);
const profileDir = values.profile
  ? await mkdtemp(join(tmpdir(), 'aos-bench-api-profile-'))
  : undefined;
const starting = startApiWorld(profileDir, onProgress);
stopOnSignal(() => starting.then((started) => started.stop()).catch(() => undefined));
const world = await starting.catch(exitWith);
const windows: Window[] = [];

async function run(): Promise<void> {
  const machine = await describeMachine(world);
  console.log(machine);
  onProgress(`Copying a run ${RUNS} times`);
  await copyRun(world.databaseUrl, world.runId);
  const pairings = (await pairingsOf(world)).filter(({ name }) => name.includes(values.only));
  const measured: MeasuredPairing[] = [];
  // Nothing else of AOS is at work: what is submitted waits.
  process.kill(world.pids.worker, 'SIGSTOP');
  try {
    for (const pairing of pairings) {
      onProgress(`${pairing.name}: ${rounds} rounds`);
      const fromUs = nowUs();
      measured.push({ pairing, rounds: await measurePairing(pairing, { rounds, seconds }) });
      windows.push({ name: pairing.name, fromUs, toUs: nowUs() });
    }
  } finally {
    process.kill(world.pids.worker, 'SIGCONT');
  }
  console.log(`\n${reportPairings(measured)}`);
  const aims = measured.flatMap((each) => aimOf(each) ?? []);
  console.log(`\n${reportAims(aims, 'npm run bench:api -- --profile')}`);
  if (values.json === undefined) return;
  const figures = { at: new Date(), machine, rounds, seconds, aims, measured };
  await writeFile(values.json, JSON.stringify(figures, null, 2));
}

await runToEnd({
  world,
  run,
  profiles:
    profileDir === undefined
      ? undefined
      : { dir: profileDir, report: (dir) => reportApiProfile(dir, world.pids.api, windows) },
});
