import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MICRO_CENTS_PER_CENT } from '../../src/contracts/money.ts';
import { beatWorker } from '../../src/storage/workers.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { installSchemathesis, runSchemathesis } from '../support/schemathesis.ts';

const TEST_MS_MAX = 930_000;
const INSTALL_MS_MAX = 630_000;
const BEAT_MS = 3_000;
const LIMIT_MICRO_CENTS = 1_000_000_000 * MICRO_CENTS_PER_CENT;

/** What can take from the key of the tests what it needs: itself, or the money of its tenant. */
const SELF_HARMING = ['revokeKey', 'rotateKey', 'updateAccount'];
/** Makes keys that can be revoked and rotated in place of the one of the tests. */
const THEIR_SUBJECTS = ['createKey', 'getKey'];

let aos: Harness;
let beats: NodeJS.Timeout;
const faults: string[] = [];

beforeAll(async () => {
  await installSchemathesis();
  const onLog = (line: string): void => {
    if (line.includes('"request.failed"') || line.includes('"api.failed"')) faults.push(line);
  };
  // Without a worker no run goes on, so none calls what a generated plan names; the beats are for /health/ready.
  aos = await startHarness({ worker: false, reconciler: false, onLog });
  await beatWorker(aos.pool, 'schemathesis');
  beats = setInterval(() => void beatWorker(aos.pool, 'schemathesis').catch(() => {}), BEAT_MS);
}, INSTALL_MS_MAX);

afterAll(async () => {
  clearInterval(beats);
  const violations = await aos.audit();
  await aos.stop();
  expect(violations).toEqual([]);
});

async function expectClean(tenant: string, more: string[], casesMin: number): Promise<void> {
  const key = await aos.createKey(tenant, LIMIT_MICRO_CENTS);
  const { code, output } = await runSchemathesis(aos.url, key, more);
  const [, generated] = /(\d+) generated/.exec(output) ?? [];
  // The end says what failed, and how to send it again.
  if (code !== 0) throw new Error(`Schemathesis ended with ${code}:\n${output.slice(-30_000)}`);
  expect(Number(generated)).toBeGreaterThan(casesMin);
  expect(faults).toEqual([]);
}

test(
  'no request that Schemathesis thinks of gets a fault, or an answer that the document does not describe',
  () =>
    expectClean(
      'schemathesis',
      SELF_HARMING.flatMap((id) => ['--exclude-operation-id', id]),
      500,
    ),
  TEST_MS_MAX,
);

test(
  'nor does one that may end its own key or lower its own limit, for a tenant where no other is tested',
  () =>
    expectClean(
      'self-harming',
      [...SELF_HARMING, ...THEIR_SUBJECTS].flatMap((id) => ['--include-operation-id', id]),
      100,
    ),
  TEST_MS_MAX,
);
