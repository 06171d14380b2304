import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { costsOf, readProfiles } from '../../bench/profile/cpu-profiles.ts';

const node = (id: number, functionName: string, url: string, lineNumber: number) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});
const profile = {
  nodes: [
    node(1, '(idle)', '', -1),
    node(2, 'query', 'file:///aos/node_modules/pg/lib/client.js', 9),
    node(3, 'query', 'file:///aos/node_modules/pg/lib/client.js', 9),
    node(4, '', 'file:///aos/dist/src/storage/runs.js', 41),
  ],
  startTime: 1_000_000,
  samples: [2, 1, 3, 4, 2],
  timeDeltas: [1_000, 1_000, 2_000, 3_000, 50_000],
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aos-profiles-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('self time is summed by function and by place, without idle time, and only within the windows', () => {
  const windows = [{ fromUs: 1_000_000, toUs: 1_010_000 }];
  const { functions, places, totalMs } = costsOf(profile, {
    runs: 1,
    statements: new Map(),
    windows,
  });
  expect(functions).toEqual([
    { name: 'query — pg', selfMs: 3 },
    { name: '(anonymous) — src/storage/runs.js:42', selfMs: 3 },
  ]);
  expect(places).toEqual([
    { name: 'pg', selfMs: 3 },
    { name: 'src/storage/runs.js', selfMs: 3 },
  ]);
  expect(totalMs).toBe(6);
});

test('the profiles of a process are found by its id, one a thread', async () => {
  const names = [
    'CPU.20261124.181500.41.0.001.cpuprofile',
    'CPU.20261124.181500.41.2.003.cpuprofile',
  ];
  for (const name of [...names, 'CPU.20261124.181500.410.7.001.cpuprofile', 'notes.txt'])
    await writeFile(join(dir, name), JSON.stringify(profile));
  expect(new Set((await readProfiles(dir, 41)).keys())).toEqual(new Set([0, 2]));
});
