import { readFileSync } from 'node:fs';
import { calcPrice } from '@pydantic/genai-prices';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLlmPrices } from '../../../../src/skills/llm/prices/operator-prices.ts';
import { createPriceBook } from '../../../../src/skills/llm/prices/price-book.ts';
import type { PriceBook } from '../../../../src/skills/llm/prices/price-book.ts';
import { PRICE_TABLE_PACKAGE } from '../../../../src/skills/llm/prices/price-table.ts';
import type { ProviderName } from '../../../../src/skills/llm/provider/provider.ts';
import { DEFAULT_MODELS } from '../../../../src/skills/llm/settings.ts';

const MILLION = 1_000_000;
const CENT = 1_000_000;
const DOLLAR = 100 * CENT;

const bookOf = (prices = '', compatibleUrl?: string, now?: () => number): PriceBook =>
  createPriceBook({
    operatorPrices: parseLlmPrices(prices),
    compatibleUrl,
    ...(now !== undefined && { now }),
  });
const book = bookOf();
const at = (provider: ProviderName, model: string) => ({ provider, model });
const plain = (input: number, output: number) => ({ input, output, cacheRead: 0, cacheWrite: 0 });
/** Cents for a million tokens in, or out. */
const centsOf = (prices: PriceBook, provider: ProviderName, model: string) => {
  const unit = (input: number, output: number) => {
    const usage = plain(input, output);
    // In pieces of ten thousand tokens, which reach no tier.
    const cost = prices.actual(at(provider, model), usage);
    return cost === undefined ? Number.NaN : (cost * 100) / CENT;
  };
  return { input: unit(10_000, 0), output: unit(0, 10_000) };
};

/** What is known of well-known models, in cents per million tokens, with room for a change of prices but not of units. */
const WELL_KNOWN: [ProviderName, string, [number, number], [number, number]][] = [
  ['openai', 'gpt-4o', [100, 500], [400, 2000]],
  ['openai', 'gpt-4o-mini', [5, 40], [20, 160]],
  ['openai', 'gpt-4.1', [80, 500], [300, 2000]],
  ['openai', 'gpt-4.1-mini', [15, 100], [60, 400]],
  ['openai', 'gpt-5', [50, 400], [400, 2500]],
  ['openai', 'gpt-5-mini', [10, 80], [80, 500]],
  ['openai', 'o3', [80, 1200], [300, 5000]],
  ['anthropic', 'claude-sonnet-4-5', [100, 700], [600, 3000]],
  ['anthropic', 'claude-haiku-4-5', [40, 300], [200, 1200]],
  ['anthropic', 'claude-opus-4-1', [500, 4000], [3000, 15_000]],
];

function outOfBounds(prices: PriceBook, scale = 1): string[] {
  return WELL_KNOWN.filter(([provider, model, input, output]) => {
    const cents = centsOf(prices, provider, model);
    const isWithin = (value: number, [least, most]: [number, number]): boolean =>
      value * scale >= least && value * scale <= most;
    return !isWithin(cents.input, input) || !isWithin(cents.output, output);
  }).map(([, model]) => model);
}

describe('the price table', () => {
  test('is of the version that is pinned and that its entries name', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(PRICE_TABLE_PACKAGE).toBe(`genai-prices-${dependencies['@pydantic/genai-prices']}`);
    expect(book.version).toMatch(/^genai-prices-[\d.]+\+[0-9a-f]{12}$/);
  });

  test('prices ten well-known models within sane bounds, in cents per million tokens', () => {
    expect(outOfBounds(book)).toEqual([]);
  });

  test.each([1000, 1 / 1000, 100, 1 / 100])(
    'with a unit that slipped by %d is found out',
    (slip) => {
      expect(outOfBounds(book, slip)).toHaveLength(WELL_KNOWN.length);
    },
  );

  test('that an operator has corrected wrongly is found out too', () => {
    const dollarsForCents = bookOf('openai/gpt-4o=2.5/10');
    expect(outOfBounds(dollarsForCents)).toEqual(['gpt-4o']);
  });

  test('prices the models that are taken when nobody names one', () => {
    for (const [provider, model] of Object.entries(DEFAULT_MODELS)) {
      const bare = model.slice(provider.length + 1);
      expect(book.knowledgeOf(at(provider as ProviderName, bare))).toBe('listed');
    }
  });

  test('says exactly what the package computes, in whole micro-cents', () => {
    const models = WELL_KNOWN.map(([provider, model]) => ({ provider, model }));
    models.push(at('openai', 'gpt-5.4'), at('openai', 'gpt-6-sol'), at('openai', 'gpt-oss-120b'));
    const tokens = fc.integer({ min: 0, max: 600_000 });
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        tokens,
        tokens,
        tokens,
        tokens,
        (address, fresh, cacheRead, cacheWrite, output) => {
          const input = fresh + cacheRead + cacheWrite;
          const found = calcPrice(
            {
              input_tokens: input,
              cache_read_tokens: cacheRead,
              cache_write_tokens: cacheWrite,
              output_tokens: output,
            },
            address.model,
            { providerId: address.provider },
          );
          const expected = found!.total_price * DOLLAR;
          const actual = book.actual(address, { input, output, cacheRead, cacheWrite })!;
          // Half a micro-cent of rounding, and what a double cannot hold of such a sum.
          expect(Math.abs(actual - expected)).toBeLessThan(0.51 + expected * 1e-12);
          expect(actual === 0).toBe(expected === 0);
        },
      ),
    );
  });

  test('knows the prices of a public server by its address, and of a local one none', () => {
    const groq = bookOf('', 'https://api.groq.com/openai/v1');
    expect(groq.knowledgeOf(at('compatible', 'llama-3.3-70b-versatile'))).toBe('listed');
    const local = bookOf('', 'http://127.0.0.1:11434/v1');
    expect(local.knowledgeOf(at('compatible', 'llama-3.3-70b-versatile'))).toBe('none');
    expect(local.worstCase(at('compatible', 'gpt-4o'), { input: 1, output: 1 })).toBeUndefined();
  });

  test.each<[ProviderName, string, string]>([
    ['openai', 'gpt-9-unheard-of', 'is not in it'],
    ['openai', 'text-moderation-latest', 'is there without a price'],
    ['openai', 'whisper-1', 'is priced by the hour'],
    ['openai', 'text-embedding-3-small', 'has no price for output'],
    ['openai', 'gpt-4o-search-preview', 'searches the web at an extra price'],
    ['openai', 'o3-deep-research', 'searches the web at an extra price'],
    ['compatible', 'perplexity/sonar-pro', 'searches the web at an extra price'],
    ['anthropic', 'gpt-4o', 'is of another provider'],
    ['plan', 'gpt-4o', 'is at a server that a plan names'],
  ])('has no price for %s/%s, which %s', (provider, model) => {
    const table = provider === 'compatible' ? bookOf('', 'https://openrouter.ai/api/v1') : book;
    expect(table.knowledgeOf(at(provider, model))).toBe('none');
    expect(table.worstCase(at(provider, model), { input: 10, output: 10 })).toBeUndefined();
    expect(table.actual(at(provider, model), plain(10, 10))).toBeUndefined();
  });

  test('never makes a listed model free', () => {
    const compatible = bookOf('', 'https://openrouter.ai/api/v1');
    const free = at('compatible', 'meta-llama/llama-3.3-70b-instruct:free');
    expect(compatible.actual(free, plain(MILLION, MILLION)) ?? 'unknown').not.toBe(0);
  });
});

describe('the worst case', () => {
  test('is never less than what any call within its bound costs, tiers and caches included', () => {
    const models = ['gpt-4o', 'gpt-5.4', 'gpt-5.6-sol', 'gpt-6-sol', 'o3'].map((model) =>
      at('openai', model),
    );
    models.push(at('anthropic', 'claude-sonnet-4-5'), at('anthropic', 'claude-opus-4-1'));
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        fc.integer({ min: 0, max: 500_000 }),
        fc.integer({ min: 0, max: 65_536 }),
        share,
        share,
        share,
        share,
        (address, inputMax, outputMax, ofInput, ofOutput, read, written) => {
          const input = Math.floor(inputMax * ofInput);
          const output = Math.floor(outputMax * ofOutput);
          const cacheRead = Math.floor(input * read);
          const cacheWrite = Math.floor((input - cacheRead) * written);
          const worst = book.worstCase(address, { input: inputMax, output: outputMax })!;
          const actual = book.actual(address, { input, output, cacheRead, cacheWrite })!;
          expect(actual).toBeLessThanOrEqual(worst);
        },
      ),
    );
  });

  test('counts a dearer tier for the whole call as soon as its input can reach it', () => {
    const tiered = at('openai', 'gpt-5.4');
    const below = book.worstCase(tiered, { input: 271_999, output: 1000 })!;
    const above = book.worstCase(tiered, { input: 272_000, output: 1000 })!;
    // $2.50 and $15 below, $5 and $22.50 above.
    expect(below).toBe(271_999 * 250 + 1000 * 1500);
    expect(above).toBe(272_000 * 500 + 1000 * 2250);
    expect(book.actual(tiered, plain(271_999, 1000))).toBe(below);
    expect(book.actual(tiered, plain(272_000, 1000))).toBe(above);
  });

  test('counts what a provider writes to its cache unasked, where that is dearer than input', () => {
    const written = at('openai', 'gpt-6-sol');
    expect(book.worstCase(written, { input: 1000, output: 0 })).toBe(1000 * 250);
    expect(book.actual(written, plain(1000, 0))).toBe(1000 * 200);
  });

  test('rounds up, and a cost to the nearest, but never to nothing', () => {
    const odd = bookOf('compatible/odd=0.3/0.3');
    const address = at('compatible', 'odd');
    expect(odd.worstCase(address, { input: 4, output: 0 })).toBe(2);
    expect(odd.actual(address, plain(4, 0))).toBe(1);
    expect(odd.actual(address, plain(5, 0))).toBe(2);
    expect(odd.actual(address, plain(1, 0))).toBe(1);
    expect(odd.actual(address, plain(0, 0))).toBe(0);
  });

  test('covers a price that changes while the call runs', () => {
    // o3 cost $10 and $40 until 2025-06-10.
    const eve = Date.parse('2025-06-09T23:55:00Z');
    const before = bookOf('', undefined, () => eve);
    const after = bookOf('', undefined, () => eve + 10 * 60 * 1000);
    const o3 = at('openai', 'o3');
    expect(before.actual(o3, plain(1000, 0))).toBe(1000 * 1000);
    expect(after.actual(o3, plain(1000, 0))).toBe(1000 * 200);
    expect(before.worstCase(o3, { input: 1000, output: 0 })).toBe(1000 * 1000);
    expect(after.worstCase(o3, { input: 1000, output: 0 })).toBe(1000 * 200);

    // Of this one the price rises from $0.40 to $1.50 on 2026-06-16.
    const riseMs = Date.parse('2026-06-16T00:00:00Z');
    const medium = at('compatible', 'mistral-medium-latest');
    const rising = bookOf('', 'https://api.mistral.ai/v1', () => riseMs - 5 * 60 * 1000);
    expect(rising.actual(medium, plain(1000, 0))).toBe(1000 * 40);
    expect(rising.worstCase(medium, { input: 1000, output: 0 })).toBe(1000 * 150);
  });
});

describe('the prices of an operator', () => {
  const set = bookOf(
    'compatible/llama3=10/20, mistral=1.5/2.25, compatible/free=0/0, openai/*=7/8, openai/gpt-4o=1/2, plan/mine=3/4, compatible/org/name:7b=5/6',
  );

  test.each([
    ['compatible', 'llama3', 10, 20],
    ['compatible', 'LLAMA3', 10, 20],
    ['compatible', 'free', 0, 0],
    ['compatible', 'org/name:7b', 5, 6],
    ['compatible', 'mistral', 1.5, 2.25],
    ['plan', 'mistral', 1.5, 2.25],
    ['plan', 'mine', 3, 4],
    ['openai', 'gpt-4o', 1, 2],
    ['openai', 'gpt-4.1', 7, 8],
    ['openai', 'anything', 7, 8],
  ] as const)('price %s/%s at %d and %d cents per million', (provider, model, input, output) => {
    expect(set.actual(at(provider, model), plain(MILLION, 0))).toBe(input * CENT);
    expect(set.actual(at(provider, model), plain(0, MILLION))).toBe(output * CENT);
  });

  test('leave the table to the models that they do not name', () => {
    expect(set.actual(at('anthropic', 'claude-haiku-4-5'), plain(MILLION, 0))).toBe(100 * CENT);
    expect(set.knowledgeOf(at('compatible', 'gpt-4o'))).toBe('none');
  });

  test('say how well a model is known', () => {
    expect(set.knowledgeOf(at('compatible', 'llama3'))).toBe('set');
    expect(set.knowledgeOf(at('compatible', 'mistral'))).toBe('general');
    expect(set.knowledgeOf(at('openai', 'gpt-4.1'))).toBe('listed');
    expect(set.knowledgeOf(at('openai', 'anything'))).toBe('general');
    expect(set.knowledgeOf(at('anthropic', 'anything'))).toBe('none');
  });

  test('of one provider are not those of a model that is called like it elsewhere', () => {
    const free = bookOf('openai/gpt-5=0/0', 'https://openrouter.ai/api/v1');
    const routed = at('compatible', 'openai/gpt-5');
    expect(free.knowledgeOf(at('openai', 'gpt-5'))).toBe('set');
    expect(free.knowledgeOf(routed)).toBe('listed');
    expect(free.actual(routed, plain(MILLION, 0))).toBeGreaterThan(CENT);
    expect(free.knowledgeOf(at('plan', 'openai/gpt-5'))).toBe('none');
    const own = bookOf('compatible/openai/gpt-5=1/1', 'https://openrouter.ai/api/v1');
    expect(own.actual(routed, plain(MILLION, 0))).toBe(CENT);
  });

  test('for all models of a provider are no price of a model that is called like that', () => {
    const all = bookOf('compatible/*=0/0');
    expect(all.knowledgeOf(at('plan', 'compatible/*'))).toBe('none');
    expect(all.actual(at('plan', 'compatible/*'), plain(1, 1))).toBeUndefined();
    expect(all.knowledgeOf(at('compatible', '*'))).toBe('general');
  });

  test('make a version of their own, whatever their order and spelling', () => {
    const versions = ['a=1/2,b=3/4', 'B=3.0/4 , a=1/2.00', 'a=1/2,b=3/5', ''].map(
      (text) => bookOf(text).version,
    );
    expect(versions[0]).toBe(versions[1]);
    expect(new Set(versions).size).toBe(3);
    expect(bookOf('', 'https://api.groq.com/openai/v1').version).not.toBe(book.version);
  });
});
