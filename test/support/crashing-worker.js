import { Context } from '@temporalio/activity';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import { createActivities } from '../../dist/activities/index.js';
import { createWebhookActivities } from '../../dist/activities/webhooks.js';
import { composeRuns } from '../../dist/src/bin/compose.js';
import { readConfig } from '../../dist/src/config.js';
import { startRunWorker } from '../../dist/src/temporal/worker.js';

/**
 * A worker process that kills itself with SIGKILL at the moment that TEST_CRASH_AT names, or, with `mute`, loses the
 * heartbeat of its first call. Its skill `effect` posts to
 * TEST_EFFECT_URL, holds 10 cents, costs 4, and may be repeated if its params say so.
 */
const {
  TEST_CRASH_AT: crashAt,
  TEST_EFFECT_URL: effectUrl,
  TEST_TASK_QUEUE: taskQueue,
} = process.env;
const CENT = 1_000_000;
const crash = (moment) => {
  if (crashAt === moment) process.kill(process.pid, 'SIGKILL');
};

const effect = {
  contract: {
    id: 'effect',
    name: 'effect',
    version: '1.0.0',
    description: 'Posts to the test.',
    params: z.object({ value: z.json().optional() }),
    output: z.json(),
    cost: { per: 'call', base_micro_cents: 0, note: 'scripted' },
    latency: { typical_ms: 1 },
    timeout: { default_ms: 60_000, max_ms: 120_000 },
    retry: { max_attempts: 1 },
    limits: {},
    side_effects: 'outside',
    idempotent: 'depends',
    failure_modes: [],
    inline: false,
  },
  worstCaseMicroCents: () => 10 * CENT,
  isIdempotent: (params) => params.value?.safe === true,
  timeoutMs: () => undefined,
  async call({ effectKey }) {
    crash('before the effect');
    const response = await fetch(effectUrl, {
      method: 'POST',
      headers: { 'Idempotency-Key': effectKey },
    });
    await response.text();
    crash('after the effect');
    if (effectKey.endsWith('/compensate')) crash('after the compensation');
    return { ok: true, output: 'done', usage: { cost_micro_cents: 4 * CENT } };
  },
};

Runtime.install({
  logger: new DefaultLogger('ERROR', () => {}),
  telemetryOptions: {
    logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} },
  },
});
const config = readConfig({ ...process.env, LOG_LEVEL: 'silent' });
const { deps } = composeRuns(config, config.databaseUrl, 'worker', 10);
deps.skills.set('effect', effect);
for (const id of ['llm_invoke', 'plan_goal']) {
  const asking = deps.skills.get(id);
  const callModel = async (call) => {
    const result = await asking.call(call);
    crash('after the model');
    return result;
  };
  deps.skills.set(id, { ...asking, call: callModel });
}
const activities = createActivities(deps);
const { executeStep, adoptPlan } = activities;
activities.adoptPlan = async (input) => {
  crash('before the adoption');
  const reply = await adoptPlan(input);
  crash('after the adoption');
  return reply;
};
let calls = 0;
activities.executeStep = async (input) => {
  calls += 1;
  if (crashAt === 'mute' && calls === 1) Context.current().heartbeat = () => {};
  const reply = await executeStep(input);
  crash('after the record');
  return reply;
};
await startRunWorker({
  address: config.temporalAddress,
  namespace: config.temporalNamespace,
  taskQueue,
  workflows: { codePath: new URL('../../dist/workflow-bundle.js', import.meta.url).pathname },
  activities,
  webhookActivities: createWebhookActivities({ ...deps, onRoom: () => {} }),
  identity: `crashing-${process.pid}`,
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
