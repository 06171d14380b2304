import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { FailureCodeSchema } from '../../src/contracts/failures.ts';
import type { Run } from '../../src/contracts/run.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { MODEL_START_MS_MAX, startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';

const WAIT_MS_MAX = 280_000;

let model: ModelServer;
let aos: Harness;
beforeAll(async () => {
  model = await startModelServer();
  aos = await startHarness({
    llm: {
      AOS_LLM_BASE_URL: model.url,
      AOS_LLM_MODEL: 'smollm2',
      AOS_LLM_PRICES: 'compatible/smollm2=1500.25/6000.75',
    },
  });
}, MODEL_START_MS_MAX);
afterAll(async () => {
  await aos?.stop();
  await model?.stop();
});

/** With all skills the prompt is longer than the small model's context; with one it fits. */
test.each([[null], [['json_transform']]])(
  'a goal for an agent with the skills %j ends, in success or in a failure of the catalogue',
  async (allowedSkills) => {
    const agentId = `agent_${uuidv7()}`;
    await aos.pool.query(
      `INSERT INTO agents (id, tenant_id, name, allowed_skills) VALUES ($1, 'default', 'test', $2)`,
      [agentId, allowedSkills],
    );
    const { body } = await aos.request<Run>(`/api/v1/agents/${agentId}/goals`, {
      json: { goal: 'Add 1 and 2 with the jq program `1 + 2`.', budget_cents: 10_000 },
    });
    const run = await aos.ended(body.run_id, WAIT_MS_MAX);
    const code = run.status === 'failed' ? run.failure.code : run.status;
    expect(['succeeded', ...FailureCodeSchema.options]).toContain(code);
    expect(run.steps![0]).toMatchObject({ id: 'plan' });
    expect((await aos.ledger(run.run_id)).account).toMatchObject({ reserved_cents: 0 });
    expect(await aos.audit()).toEqual([]);
  },
  WAIT_MS_MAX + 20_000,
);
