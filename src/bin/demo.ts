import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunLedger } from '../contracts/ledger.ts';
import type { Run } from '../contracts/run.ts';
import { startDemoServer } from './demo-server.ts';
import { exitWith, stopOnSignal } from './lifecycle.ts';
import { startStack } from './stack.ts';

const FOLLOW_MS_MAX = 60_000;
const PLAN = 'examples/plans/quickstart.json';

const world = await startDemoServer();
const dataDir = await mkdtemp(join(tmpdir(), 'aos-demo-'));
const adminKey = `aos_${randomBytes(24).toString('hex')}`;
const target = `127.0.0.1:${world.port}`;
const log: string[] = [];

const stack = startStack(
  {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    TEMPORAL_CLI: process.env['TEMPORAL_CLI'],
    AOS_DATA_DIR: dataDir,
    AOS_PORT: '0',
    TEMPORAL_UI_PORT: '0',
    AOS_ADMIN_KEY: adminKey,
    AOS_EGRESS_ALLOW: target,
    AOS_HTTP_PRICES: `${target}=0.5+0.1/MiB`,
    LOG_LEVEL: 'warn',
  },
  {
    cacheDir: resolve('.aos/cache'),
    onProgress: (text) => console.log(`· ${text}`),
    onLog: (text) => log.push(text),
  },
);

async function stop(): Promise<void> {
  await stack.then((started) => started.stop()).catch(() => {});
  await world.stop();
  await rm(dataDir, { recursive: true, force: true });
}
stopOnSignal(stop);

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const { apiUrl } = await stack;
  const response = await fetch(apiUrl + path, {
    ...init,
    headers: {
      'X-API-Key': adminKey,
      'Content-Type': 'application/json',
      ...(init.headers as Record<string, string>),
    },
  });
  const body = (await response.json()) as T;
  if (!response.ok && response.status !== 304)
    throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

/** Prints each step as it changes, by long polls that answer when the run has changed. */
async function follow(runId: string): Promise<Run> {
  const shown = new Map<string, string>();
  const deadline = Date.now() + FOLLOW_MS_MAX;
  let run = await ask<Run>(`/api/v1/runs/${runId}`);
  for (;;) {
    for (const step of run.steps ?? []) {
      const now = `${step.status}${step.tries > 1 ? `, try ${step.tries}` : ''}`;
      if (step.status !== 'pending' && shown.get(step.id) !== now)
        console.log(`  ${step.id}: ${now}`);
      shown.set(step.id, now);
    }
    if (run.status !== 'queued' && run.status !== 'running') return run;
    if (Date.now() > deadline)
      throw new Error(`the run is still ${run.status} after ${FOLLOW_MS_MAX} ms`);
    run = await ask<Run>(`/api/v1/runs/${runId}?wait=10s`, {
      headers: { 'If-None-Match': `"${run.event_number}"` },
    });
  }
}

function printTable(run: Run, ledger: RunLedger): void {
  const sum = (stepId: string, kind: string): string =>
    ledger.transactions
      .filter((entry) => entry.step_id === stepId && entry.kind === kind)
      .reduce((total, entry) => total + entry.amount_cents, 0)
      .toFixed(3);
  const rows = (run.steps ?? []).map((step) => [
    step.id,
    step.skill,
    step.status,
    String(step.tries),
    `${step.duration_ms ?? 0} ms`,
    `${step.cost_cents.toFixed(3)} ¢`,
    `${sum(step.id, 'hold')} ¢`,
    `${sum(step.id, 'settle')} ¢`,
  ]);
  const table = [['step', 'skill', 'status', 'tries', 'time', 'cost', 'held', 'settled'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`);
}

async function show(): Promise<boolean> {
  const { apiUrl, temporalUiUrl } = await stack;
  console.log(`AOS is up: API ${apiUrl}, Temporal Web UI ${temporalUiUrl}`);
  console.log(`Submitting ${PLAN} with a budget of 10 cents.`);
  const plan = JSON.parse(await readFile(PLAN, 'utf8')) as unknown;
  const submitted = await ask<Run>('/api/v1/runs', {
    method: 'POST',
    body: JSON.stringify({ plan, input: { base_url: `http://${target}` }, budget_cents: 10 }),
  });
  const run = await follow(submitted.run_id);
  const ledger = await ask<RunLedger>(`/api/v1/runs/${run.run_id}/ledger`);
  console.log('');
  printTable(run, ledger);
  const { limit_cents, settled_cents, reserved_cents } = ledger.account;
  console.log(
    `\n  budget ${limit_cents} ¢, settled ${settled_cents} ¢, still reserved ${reserved_cents} ¢`,
  );
  console.log(`  ${run.status}: ${JSON.stringify(run.status === 'succeeded' ? run.output : run)}`);
  return run.status === 'succeeded';
}

const succeeded = await show().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return false;
});
if (!succeeded) console.error(log.join(''));
await stop();
if (!succeeded) exitWith('The demo did not succeed.');
process.exit(0);
