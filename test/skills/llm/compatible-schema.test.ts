import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config.ts';
import type { JsonObject } from '../../../src/contracts/json.ts';
import { createEgressGuard } from '../../../src/skills/egress.ts';
import { createLlmInvoke } from '../../../src/skills/llm-invoke.ts';
import type { Skill } from '../../../src/skills/skill.ts';
import { callSkill } from '../../support/call-skill.ts';
import { startScriptedProvider } from '../../support/scripted-provider.ts';
import type { ScriptedProvider } from '../../support/scripted-provider.ts';

const json_schema = { type: 'object', properties: { city: { type: 'string' } } };
const refusal = { status: 400, body: { error: { message: 'no such response_format' } } };
const fitting = { text: '{"city":"Paris"}' };

let server: ScriptedProvider;
let skill: Skill;
beforeAll(async () => {
  server = await startScriptedProvider();
  const { llm } = readConfig({
    AOS_LLM_BASE_URL: server.url,
    AOS_LLM_MODEL: 'local',
    AOS_LLM_PRICES: 'compatible/*=1/1',
  });
  skill = createLlmInvoke({ settings: llm, egress: createEgressGuard({ allow: [] }) });
});
beforeEach(() => {
  server.seen.length = 0;
});
afterAll(() => server.stop());

const call = (params: JsonObject = {}) =>
  callSkill(skill, { prompt: 'Where?', json_schema, ...params });
const formats = () => server.seen.map(({ body }) => body['response_format']);

test('a compatible server is given the schema, and its model is told of it', async () => {
  server.script(fitting);
  expect(await call()).toMatchObject({ ok: true, output: { json: { city: 'Paris' } } });
  expect(formats()).toMatchObject([
    { type: 'json_schema', json_schema: { schema: json_schema, strict: false } },
  ]);
  expect(JSON.stringify(server.seen[0]!.body['messages'])).toContain('JSON Schema');
});

test('one that refuses a schema is asked for JSON as such, and billed once', async () => {
  server.script(refusal, fitting);
  const result = await call();
  expect(result).toMatchObject({ ok: true, output: { json: { city: 'Paris' } } });
  expect(result.usage).toEqual({ cost_micro_cents: 15 });
  expect(formats()).toMatchObject([{ type: 'json_schema' }, { type: 'json_object' }]);
});

test('what it refuses twice is the failure', async () => {
  server.script(refusal);
  const result = await call();
  expect(result).toMatchObject({ ok: false, failure: { code: 'PROVIDER_REFUSED' } });
  expect([server.seen.length, result.usage.cost_micro_cents]).toEqual([2, 0]);
});

test('another refusal is not asked about again', async () => {
  server.script({ status: 401, body: {} });
  expect(await call()).toMatchObject({ failure: { code: 'PROVIDER_KEY_REFUSED' } });
  server.script(refusal);
  await callSkill(skill, { prompt: 'Where?' });
  expect(server.seen.length).toBe(2);
});
