import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = createRequire(import.meta.url).resolve('@redocly/cli/package.json');

interface Report {
  totals: { errors: number; warnings: number; ignored: number };
  problems: { ruleId: string; message: string }[];
}

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'aos-redocly-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('the committed document has no error and no warning in the eyes of Redocly', async () => {
  const program = join(dirname(PACKAGE), 'bin', 'cli.js');
  const args = [program, 'lint', 'docs/reference/openapi.json', '--format=json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    // It neither reports on its use nor asks for its newest version.
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      CI: 'true',
      REDOCLY_TELEMETRY: 'off',
      REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
    },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { stdout: string }) => error);
  const { totals, problems } = JSON.parse(stdout) as Report;
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  expect(totals).toEqual({ errors: 0, warnings: 0, ignored: 0 });
});
