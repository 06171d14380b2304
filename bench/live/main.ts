import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { exitWith, stopOnSignal } from '../../src/bin/lifecycle.ts';
import { startApiWorld } from '../api/world.ts';
import { describeMachine } from '../report/machine.ts';
import { formatNumber, formatTable } from '../report/table.ts';
import { runToEnd } from '../run-to-end.ts';
import { startStreamClients } from './clients.ts';
import type { Form } from './protocol.ts';
import { allTheEnds, atAPace, eachItsRun } from './scenarios.ts';
import type { LiveBench, Measured } from './scenarios.ts';

const FORMS: Form[] = ['sse', 'websocket'];
const PACES = [2, 10];

/** `npm run bench:live [-- --streams N] [--seconds N] [--json FILE]` */
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
});
const [streams, seconds] = [Number(values.streams), Number(values.seconds)];
if (![streams, seconds].every((each) => Number.isInteger(each) && each >= 1))
  exitWith(new Error('--streams and --seconds take a whole number from 1.'));

const onProgress = (text: string): void => console.error(`· ${text}`);
const starting = startApiWorld(undefined, onProgress);
stopOnSignal(() => starting.then((started) => started.stop()).catch(() => undefined));
const world = await starting.catch(exitWith);
const clients = startStreamClients(world.apiUrl, world.key);

function report(measured: readonly Measured[]): string {
  const rows = [
    [
      '',
      'form',
      'p50 ms',
      'p99',
      'max',
      'received',
      'received/s',
      'api CPU, of 1',
      'µs an event',
      'KiB a stream',
      'runs/s',
    ],
  ];
  for (const {
    form,
    scenario,
    delays,
    seconds: took,
    apiCpuSeconds,
    kibPerStream,
    runs,
  } of measured) {
    rows.push([
      scenario,
      form,
      ...[
        delays.p50Ms,
        delays.p99Ms,
        delays.maxMs,
        delays.count,
        delays.count / took,
        apiCpuSeconds / took,
        (apiCpuSeconds * 1e6) / delays.count,
        kibPerStream ?? NaN,
        (runs ?? NaN) / took,
      ].map(formatNumber),
    ]);
  }
  return formatTable(rows);
}

async function run(): Promise<void> {
  const machine = await describeMachine(world);
  console.log(machine);
  const bench: LiveBench = { world, clients, streams, seconds };
  const measured: Measured[] = [];
  for (const form of FORMS) {
    for (const pace of PACES) {
      onProgress(`${form}: ${streams} streams, ${pace} events a second`);
      measured.push(await atAPace(bench, form, pace));
    }
    onProgress(`${form}: ${streams} streams, each of a run`);
    measured.push(await eachItsRun(bench, form));
    onProgress(`${form}: ${streams} streams of the ends of runs`);
    measured.push(await allTheEnds(bench, form));
  }
  console.log(`\n${report(measured)}`);
  if (values.json === undefined) return;
  await writeFile(values.json, JSON.stringify({ at: new Date(), machine, measured }, null, 2));
}

await runToEnd({
  world: {
    log: world.log,
    stop: async () => {
      await clients.stop();
      await world.stop();
    },
  },
  run,
});
