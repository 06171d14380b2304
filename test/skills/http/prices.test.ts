import { describe, expect, test } from '@jest/globals';
import { parseHttpPrices } from '../../../src/skills/http/prices.ts';

const MIB = 1024 * 1024;
const CENT = 1_000_000;
const url = (text: string) => new URL(text);

describe('a price list', () => {
  const prices = parseHttpPrices('api.example.com=0.5+0.01/MiB, 127.0.0.1:4000=2,[::1]:4000=3');

  test('prices a call and the bytes it receives', () => {
    const target = url('https://api.example.com/v1?q=1');
    expect(prices.actual(target, 0)).toBe(0.5 * CENT);
    expect(prices.actual(target, MIB)).toBe(0.51 * CENT);
    expect(prices.worstCase(target, 10 * MIB)).toBe(0.6 * CENT);
  });

  test('rounds up to a micro-cent, and exactly so for large prices', () => {
    expect(prices.actual(url('http://api.example.com'), 1)).toBe(0.5 * CENT + 1);
    const dear = parseHttpPrices('a.example=0+1000000/MiB');
    const exact = (10n ** 12n * BigInt(10 * MIB - 1) + BigInt(MIB) - 1n) / BigInt(MIB);
    expect(BigInt(dear.actual(url('http://a.example'), 10 * MIB - 1))).toBe(exact);
  });

  test('is never less for more bytes, so the worst case covers every call', () => {
    const target = url('http://api.example.com');
    const costs = [0, 1, 99, 100, 4096, MIB - 1, MIB, MIB + 1].map((bytes) =>
      prices.actual(target, bytes),
    );
    expect(costs).toEqual(costs.toSorted((a, b) => a - b));
    expect(prices.worstCase(target, MIB + 1)).toBe(costs.at(-1));
  });

  test('leaves all other hosts and ports free', () => {
    for (const free of [
      'http://example.com',
      'http://x.api.example.com',
      'http://127.0.0.1:4001',
    ]) {
      expect(prices.worstCase(url(free), 10 * MIB)).toBe(0);
      expect(prices.entryOf(url(free))).toBeUndefined();
    }
  });

  test('knows a host in every spelling', () => {
    for (const same of [
      'http://127.1:4000',
      'http://0x7f.1:4000',
      'http://[::ffff:127.0.0.1]:4000',
    ]) {
      expect(prices.actual(url(same), 0)).toBe(2 * CENT);
    }
    expect(prices.actual(url('http://API.example.com.:8080'), 0)).toBe(0.5 * CENT);
    expect(prices.actual(url('http://[0:0::1]:4000'), 0)).toBe(3 * CENT);
  });

  test('takes the entry with the port before the one without', () => {
    const both = parseHttpPrices('a.example=1,a.example:443=5');
    expect(both.actual(url('https://a.example'), 0)).toBe(5 * CENT);
    expect(both.actual(url('http://a.example'), 0)).toBe(1 * CENT);
    expect(both.entryOf(url('https://a.example'))).not.toBe(both.entryOf(url('http://a.example')));
  });

  test('has a version that depends on its prices only', () => {
    expect(prices.version).toMatch(/^http-[0-9a-f]{12}$/);
    const versions = ['a.example=1,b.example=2', 'B.example=2.0 , a.example=1.000', ''].map(
      (text) => parseHttpPrices(text).version,
    );
    expect(versions[0]).toBe(versions[1]);
    expect(versions[0]).not.toBe(versions[2]);
    expect(parseHttpPrices('a.example=1,b.example=3').version).not.toBe(versions[0]);
  });

  test.each([
    'a.example',
    'a.example=',
    'a.example=-1',
    'a.example=NaN',
    'a.example=1e3',
    'a.example=Infinity',
    'a.example=1000001',
    'a.example=1+1000000.5/MiB',
    'a.example=1+2',
    'a.example=1+-2/MiB',
    'a.example=1+2/GiB',
    'a.example:0=1',
    'a.example:65536=1',
    'http://a.example=1',
    'a.example/path=1',
    '=1',
    '*.example=1',
    '::1=1',
    'A.EXAMPLE.:80=1',
    'known.example.=1',
  ])('refuses `%s` and names it', (entry) =>
    expect(() => parseHttpPrices(`known.example=1,a.example:80=1,${entry}`)).toThrow(
      `\`${entry}\``,
    ),
  );
});
