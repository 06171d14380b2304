import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SkillView } from '../contracts/skill.ts';
import { createDemoClient } from './demo/client.ts';
import type { DemoClient } from './demo/client.ts';
import { startDemoMailbox } from './demo/mailbox.ts';
import { printTable } from './demo/table.ts';
import { startDemoWorld } from './demo/world.ts';
import { exitWith, stopOnSignal } from './lifecycle.ts';
import { startStack } from './stack.ts';

/** What a person may have set for a model; the demo needs none. */
const MODEL_SETTINGS = /^(OPENAI|ANTHROPIC)_(API_KEY|BASE_URL)$|^AOS_LLM_/;

const [world, mailbox] = await Promise.all([startDemoWorld(), startDemoMailbox()]);
const dataDir = await mkdtemp(join(tmpdir(), 'aos-demo-'));
const adminKey = `aos_${randomBytes(24).toString('hex')}`;
const target = `127.0.0.1:${world.port}`;
const input = { base_url: `http://${target}` };
const log: string[] = [];

const stack = startStack(
  {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => MODEL_SETTINGS.test(name)),
    ),
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    TEMPORAL_CLI: process.env['TEMPORAL_CLI'],
    AOS_DATA_DIR: dataDir,
    AOS_PORT: '0',
    AOS_METRICS_PORT: '0',
    AOS_WORKER_METRICS_PORT: '0',
    TEMPORAL_UI_PORT: '0',
    AOS_ADMIN_KEY: adminKey,
    AOS_EGRESS_ALLOW: target,
    AOS_HTTP_PRICES: `${target}=0.5+0.1/MiB`,
    SMTP_URL: `smtp://127.0.0.1:${mailbox.port}`,
    AOS_EMAIL_FROM: 'AOS demo <demo@aos.example>',
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
  await Promise.all([world.stop(), mailbox.stop()]);
  await rm(dataDir, { recursive: true, force: true });
}
stopOnSignal(stop);

const readPlan = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(`examples/plans/${name}.json`, 'utf8')) as unknown;

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`The demo expected that ${what}.`);
}

/** A plan that does something, with a retry, a webhook and an e-mail at its end. */
async function showQuickstart(client: DemoClient): Promise<void> {
  console.log('\nSubmitting examples/plans/quickstart.json with a budget of 10 cents.');
  const plan = await readPlan('quickstart');
  const { run, ledger } = await client.run(plan, { input, budget_cents: 10 });
  printTable(run, ledger);
  console.log(`  ${run.status}: ${JSON.stringify(run.status === 'succeeded' ? run.output : run)}`);
  expect(run.status === 'succeeded', 'the run succeeds');
  const [webhook] = world.webhooks;
  expect(webhook?.isGenuine === true, 'the signature of the webhook is valid');
  console.log(`  webhook ${webhook?.id}: signature valid, ${JSON.stringify(webhook?.payload)}`);
  const [mail] = mailbox.mails;
  expect(mail !== undefined, 'the e-mail arrives');
  for (const name of ['To', 'Subject', 'Message-ID'])
    console.log(`  e-mail ${new RegExp(`^${name}: .*$`, 'm').exec(mail!)?.[0]}`);
}

/** A plan whose second step is refused: the first one is undone. */
async function showCompensation(client: DemoClient): Promise<void> {
  console.log('\nSubmitting examples/plans/compensation.json: the payment is going to be refused.');
  const plan = await readPlan('compensation');
  const { run, ledger } = await client.run(plan, { input, budget_cents: 10 });
  printTable(run, ledger);
  if (run.status !== 'failed')
    throw new Error(`The demo expected a failed run, not ${run.status}.`);
  const { code, step_id, message, recovery } = run.failure;
  console.log(`  failed: ${code} in step ${step_id}: ${message}`);
  for (const { action, why } of recovery) console.log(`  recovery: ${action}: ${why}`);
  expect(run.steps![0]!.status === 'compensated', 'the reservation is undone');
  expect(world.seats.size === 0, 'the seat is free again');
  console.log('  compensation: the seat is free again, and nothing is still reserved');
}

/** A plan that uses a secret, and a step whose output nobody is shown. */
async function showSecret(client: DemoClient): Promise<void> {
  console.log('\nKeeping a secret, and submitting examples/plans/secret.json, which uses it.');
  const value = randomBytes(24).toString('hex');
  const body = JSON.stringify({ value, hosts: [input.base_url] });
  await client.ask('/api/v1/secrets/DEMO_TOKEN', { method: 'PUT', body });
  const plan = await readPlan('secret');
  const { run, ledger } = await client.run(plan, { input, budget_cents: 10 });
  printTable(run, ledger);
  console.log(`  ${run.status}: ${JSON.stringify(run.status === 'succeeded' ? run.output : run)}`);
  expect(run.status === 'succeeded', 'the run succeeds');
  expect(world.tokens[0] === `Bearer ${value}`, 'the service gets the secret');
  expect(!JSON.stringify(run).includes(value), 'the run does not show the secret');
  const account = await client.ask<object>(`/api/v1/runs/${run.run_id}/steps/account`);
  expect(!('output' in account), 'the output of a sensitive step is not shown');
  console.log('  the service got the secret; the run shows neither it nor the account');
}

/** A summary by a model, when there is one. */
async function showSummary(client: DemoClient): Promise<void> {
  const skill = await client.ask<SkillView>('/api/v1/runtime/skills/llm_invoke');
  if (!skill.available) {
    console.log(`\nNo model is configured, so no summary: ${skill.availability?.fix}`);
    return;
  }
  console.log('\nSubmitting examples/plans/summary.json: a model is configured.');
  const { run, ledger } = await client.run(await readPlan('summary'), { input, budget_cents: 20 });
  printTable(run, ledger);
  console.log(`  ${run.status}: ${JSON.stringify(run.status === 'succeeded' ? run.output : run)}`);
  expect(run.status === 'succeeded', 'the model answers');
}

async function show(): Promise<void> {
  const { apiUrl, temporalUiUrl } = await stack;
  console.log(`AOS is up: API ${apiUrl}, Temporal Web UI ${temporalUiUrl}`);
  const client = createDemoClient(apiUrl, adminKey);
  world.trust((await client.ask<{ secret: string }>('/api/v1/runtime/webhook-secret')).secret);
  await showQuickstart(client);
  await showCompensation(client);
  await showSecret(client);
  await showSummary(client);
}

const problem = await show().then(
  () => undefined,
  (error: unknown) => (error instanceof Error ? error.message : String(error)),
);
if (problem !== undefined) console.error(`${problem}\n${log.join('')}`);
await stop();
if (problem !== undefined) exitWith('The demo did not succeed.');
process.exit(0);
