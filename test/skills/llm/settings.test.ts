import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig } from '../../../src/config.ts';
import type { Environment } from '../../../src/config.ts';
import { AosError } from '../../../src/contracts/failures.ts';
import { resolveTarget } from '../../../src/skills/llm/target.ts';
import type { TargetWish } from '../../../src/skills/llm/target.ts';

const OPENAI = { OPENAI_API_KEY: 'sk-openai' };
const ANTHROPIC = { ANTHROPIC_API_KEY: 'sk-ant' };
const LOCAL = { AOS_LLM_BASE_URL: 'http://127.0.0.1:11434/v1' };
const FREE = { AOS_LLM_PRICES: 'compatible/*=0/0' };

const settingsOf = (env: Environment) => readConfig(env).llm;
const problemsOf = (env: Environment): string => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('the settings of models', () => {
  test.each<[string, Environment, string | undefined]>([
    ['OpenAI', OPENAI, 'openai/gpt-4.1-mini'],
    ['Anthropic', ANTHROPIC, 'anthropic/claude-haiku-4-5'],
    ['both', { ...ANTHROPIC, ...OPENAI }, 'openai/gpt-4.1-mini'],
    [
      'a server of one’s own with one price',
      { ...LOCAL, AOS_LLM_PRICES: 'compatible/a=1/1' },
      'compatible/a',
    ],
    ['a server of one’s own with a price for all', { ...LOCAL, ...FREE }, undefined],
    ['a named model', { ...OPENAI, AOS_LLM_MODEL: 'gpt-4o' }, 'gpt-4o'],
    ['nothing', {}, undefined],
  ])('take, with %s, a model when none is named', (_with, env, model) => {
    expect(settingsOf(env).model).toBe(model);
  });

  test('reach Anthropic by its base URL with and without a version', () => {
    const urlOf = (ANTHROPIC_BASE_URL?: string) =>
      settingsOf({ ...ANTHROPIC, ANTHROPIC_BASE_URL }).providers[0]!.baseUrl;
    expect(urlOf()).toBe('https://api.anthropic.com/v1');
    expect(urlOf('http://gateway:4000')).toBe('http://gateway:4000/v1');
    expect(urlOf('http://gateway:4000/v1/')).toBe('http://gateway:4000/v1');
  });

  test('refuse a default model that could never be called', () => {
    expect(problemsOf({ ...OPENAI, AOS_LLM_MODEL: 'gpt-99' })).toMatch(
      /^AOS_LLM_MODEL: No price is known for the model `gpt-99`/,
    );
    expect(problemsOf({ ...OPENAI, AOS_LLM_MODEL: 'anthropic/claude-haiku-4-5' })).toMatch(
      /^AOS_LLM_MODEL: The provider `anthropic` is not configured here/,
    );
    expect(problemsOf({ AOS_LLM_MODEL: 'gpt-99' })).toBe('');
  });

  test('tell one mistake in the prices once', () => {
    const env = { ...LOCAL, AOS_LLM_PRICES: 'compatible/a=free', AOS_LLM_MODEL: 'compatible/a' };
    expect(problemsOf(env).split('\n')).toEqual([expect.stringMatching(/^AOS_LLM_PRICES: /)]);
  });

  test('refuse a key for a server that is not named', () => {
    expect(problemsOf({ AOS_LLM_API_KEY: 'x' })).toMatch(/^AOS_LLM_API_KEY: .*AOS_LLM_BASE_URL/);
  });

  test('warn of what has no effect', () => {
    const { warnings } = readConfig({
      ...LOCAL,
      OPENAI_BASE_URL: 'http://a/v1',
      ANTHROPIC_BASE_URL: 'http://b',
    });
    expect(warnings.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'OPENAI_BASE_URL',
      'ANTHROPIC_BASE_URL',
      'AOS_LLM_BASE_URL',
    ]);
    expect(readConfig({ ...LOCAL, ...FREE, ...OPENAI }).warnings).toEqual([]);
  });

  test('warn when no model is taken where a plan names none', () => {
    expect(readConfig({ ...LOCAL, ...FREE }).warnings).toEqual([
      expect.stringMatching(/^AOS_LLM_MODEL: /),
    ]);
    for (const env of [
      { ...LOCAL, ...FREE, AOS_LLM_MODEL: 'llama3' },
      { ...LOCAL, AOS_LLM_PRICES: 'compatible/*=0/0,compatible/llama3=1/1' },
      { ...FREE },
    ]) {
      expect(readConfig(env).warnings).toEqual([]);
    }
  });
});

describe('a call goes to', () => {
  const all = { ...OPENAI, ...ANTHROPIC, ...LOCAL };
  const prices = 'compatible/*=0/0,compatible/gpt-4o=1/1,everywhere=2/2,plan/mine=3/3';
  const both = settingsOf({ ...all, AOS_LLM_PRICES: prices });
  const target = (wish: TargetWish, settings = both): string => {
    try {
      const { provider, model } = resolveTarget(wish, settings);
      return `${provider.name} ${model}`;
    } catch (error) {
      return error instanceof AosError ? error.failure.code : String(error);
    }
  };

  test.each<[string, TargetWish, string]>([
    ['whom it names', { model: 'anthropic/claude-haiku-4-5' }, 'anthropic claude-haiku-4-5'],
    [
      'whom the table knows for the model',
      { model: 'claude-haiku-4-5' },
      'anthropic claude-haiku-4-5',
    ],
    ['whom the operator has priced the model at', { model: 'gpt-4o' }, 'compatible gpt-4o'],
    ['the operator’s server with an unlisted model', { model: 'llama3' }, 'compatible llama3'],
    [
      'the operator’s server with a model priced anywhere',
      { model: 'everywhere' },
      'compatible everywhere',
    ],
    [
      'a model whose name has a slash',
      { model: 'meta-llama/Llama-3' },
      'compatible meta-llama/Llama-3',
    ],
    ['the default without a name', {}, 'openai gpt-4.1-mini'],
    ['a plan’s own server', { model: 'mine', base_url: 'http://x/v1' }, 'plan mine'],
    [
      'a plan’s own server by its name',
      { model: 'plan/mine', base_url: 'http://x/v1' },
      'plan mine',
    ],
    ['nobody without a model for a plan’s server', { base_url: 'http://x/v1' }, 'PARAMS_INVALID'],
    [
      'nobody at a plan’s server without a price',
      { model: 'gpt-4.1', base_url: 'http://x/v1' },
      'MODEL_PRICE_UNKNOWN',
    ],
    [
      'nobody at a plan’s server without an address',
      { model: 'plan/mine' },
      'PROVIDER_NOT_CONFIGURED',
    ],
    ['nobody with a model that is not priced', { model: 'openai/gpt-99' }, 'MODEL_PRICE_UNKNOWN'],
  ])('%s', (_whom, wish, expected) => {
    expect(target(wish)).toBe(expected);
  });

  test('nobody where a model of another provider is meant, but says how to ask the operator’s server', () => {
    const messageOf = (env: Environment, model: string): string => {
      try {
        resolveTarget({ model }, settingsOf(env));
      } catch (error) {
        if (error instanceof AosError) return error.message;
        throw error;
      }
      return '';
    };
    expect(messageOf({ ...LOCAL, ...FREE }, 'openai/gpt-5')).toContain('`compatible/openai/gpt-5`');
    expect(messageOf(ANTHROPIC, 'openai/gpt-5')).not.toContain('compatible/');
  });

  test('the only provider there is, priced or not', () => {
    expect(target({ model: 'llama3' }, settingsOf({ ...LOCAL, ...FREE }))).toBe(
      'compatible llama3',
    );
    expect(target({}, settingsOf({ ...LOCAL, ...FREE }))).toBe('PARAMS_INVALID');
    expect(target({ model: 'claude-haiku-4-5' }, settingsOf(OPENAI))).toBe('MODEL_PRICE_UNKNOWN');
    expect(target({ model: 'openai/gpt-4o' }, settingsOf(ANTHROPIC))).toBe(
      'PROVIDER_NOT_CONFIGURED',
    );
    expect(target({ model: 'gpt-4o' }, settingsOf({}))).toBe('PROVIDER_NOT_CONFIGURED');
  });
});
