import { expect, test } from '@jest/globals';
import {
  providerOptionsOf,
  usesResponsesApi,
} from '../../../../src/skills/llm/provider/language-model.ts';
import type { ProviderName } from '../../../../src/skills/llm/provider/provider.ts';

const targetOf = (model: string, name: ProviderName = 'openai', host = 'api.openai.com') => ({
  provider: { name, baseUrl: `https://${host}/v1` },
  model,
});

test('OpenAI itself is held to the standard tier, which is the one that is priced, and keeps nothing', () => {
  expect(providerOptionsOf(targetOf('gpt-4o'))).toEqual({
    openai: { strictJsonSchema: false, store: false, serviceTier: 'default' },
  });
  expect(providerOptionsOf(targetOf('gpt-4o', 'openai', 'gateway.example.org'))).toEqual({
    openai: { strictJsonSchema: false },
  });
});

test.each([
  ['gpt-4.1-mini', false],
  ['gpt-5', false],
  ['gpt-5-mini', false],
  ['o3', false],
  ['o3-pro', true],
  ['gpt-5-pro', true],
  ['gpt-5.1-codex', true],
])('the API that %s needs is told by its name', (model, isResponses) => {
  expect(usesResponsesApi(targetOf(model))).toBe(isResponses);
  expect(usesResponsesApi(targetOf(model, 'compatible'))).toBe(false);
});
