import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRedactor } from '../../src/secrets/redaction/redactor.ts';

const TOKEN = 'aosSecret00000000000000000000000000000000n0e';
const redactorOf = (value: string, name = 'KEY') => createRedactor([{ name, value, token: TOKEN }]);

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');
const everyUnit = (text: string, write: (unit: number) => string): string =>
  [...Array(text.length).keys()].map((at) => write(text.charCodeAt(at))).join('');
const everyByte = (text: string, write: (byte: number) => string): string =>
  [...Buffer.from(text)].map(write).join('');
const base64At = (text: string, offset: number): string =>
  Buffer.concat([Buffer.alloc(offset, 'x'), Buffer.from(text), Buffer.from('tail')]).toString(
    'base64',
  );
/** What depends on the secret alone in the above. */
const base64Core = (text: string, offset: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(offset, 'x'), Buffer.from(text)]);
  const from = offset === 0 ? 0 : offset + 1;
  return bytes.toString('base64').slice(from, Math.floor((8 * bytes.length) / 6));
};

/** How a secret is written, and what of that must not be found. */
const ENCODINGS: Record<string, (text: string) => { written: string; sought: string }> = {
  'as it is': (text) => ({ written: text, sought: text }),
  'as JSON': (text) => {
    const written = JSON.stringify(text).slice(1, -1);
    return { written, sought: written };
  },
  'as JSON within JSON': (text) => {
    const written = JSON.stringify(JSON.stringify(text)).slice(3, -3);
    return { written, sought: written };
  },
  'as JSON, five times over': (text) => {
    const written = [1, 2, 3, 4, 5].reduce((each) => JSON.stringify(each).slice(1, -1), text);
    return { written, sought: written };
  },
  'as JSON with slashes escaped': (text) => {
    const written = JSON.stringify(text)
      .slice(1, -1)
      .replaceAll('/', String.raw`\/`);
    return { written, sought: written };
  },
  'as JSON with every character escaped': (text) => {
    const written = everyUnit(text, (unit) => String.raw`\u${hex(unit, 4)}`);
    return { written, sought: written };
  },
  'as JSON in upper case': (text) => {
    const written = everyUnit(text, (unit) => String.raw`\u${hex(unit, 4).toUpperCase()}`);
    return { written, sought: written };
  },
  'as \\x of every byte': (text) => {
    const written = everyByte(text, (byte) => String.raw`\x${hex(byte, 2)}`);
    return { written, sought: written };
  },
  'percent-encoded': (text) => {
    const written = encodeURIComponent(text);
    return { written, sought: written };
  },
  'percent-encoded in lower case': (text) => {
    const written = encodeURIComponent(text).replaceAll(/%../g, (each) => each.toLowerCase());
    return { written, sought: written };
  },
  'percent-encoded, every byte': (text) => {
    const written = everyByte(text, (byte) => `%${hex(byte, 2)}`);
    return { written, sought: written };
  },
  'percent-encoded twice': (text) => {
    const written = encodeURIComponent(encodeURIComponent(text));
    return { written, sought: written };
  },
  'as a form': (text) => {
    const written = new URLSearchParams({ v: text }).toString().slice(2);
    return { written, sought: written };
  },
  'as a form within JSON': (text) => {
    const written = JSON.stringify(new URLSearchParams({ v: text }).toString()).slice(3, -1);
    return { written, sought: written };
  },
  'as HTML': (text) => {
    const written = text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;');
    return { written, sought: written };
  },
  'as decimal entities': (text) => {
    const written = everyUnit(text, (unit) => `&#${unit};`);
    return { written, sought: written };
  },
  'as hexadecimal entities': (text) => {
    const written = everyUnit(text, (unit) => `&#x${hex(unit, 2)};`);
    return { written, sought: written };
  },
  'in hex': (text) => {
    const written = Buffer.from(text).toString('hex');
    return { written, sought: written };
  },
  'in upper hex': (text) => {
    const written = Buffer.from(text).toString('hex').toUpperCase();
    return { written, sought: written };
  },
  'as the bytes of a header': (text) => {
    const written = Buffer.from(text).toString('latin1');
    return { written, sought: written };
  },
  'as UTF-16 read as UTF-8': (text) => {
    const written = everyUnit(text, (unit) => `${String.fromCharCode(unit)}\0`);
    return { written, sought: written };
  },
  ...Object.fromEntries(
    [0, 1, 2].flatMap((offset) => [
      [
        `in base64 after ${offset} bytes`,
        (text: string) => ({ written: base64At(text, offset), sought: base64Core(text, offset) }),
      ],
      [
        `in url-safe base64 after ${offset} bytes`,
        (text: string) => {
          const safe = (each: string): string => each.replaceAll('+', '-').replaceAll('/', '_');
          return { written: safe(base64At(text, offset)), sought: safe(base64Core(text, offset)) };
        },
      ],
      [
        `in base64 broken into lines after ${offset} bytes`,
        (text: string) => ({
          written: base64At(`${'.'.repeat(51)}${text}`, offset).replaceAll(/.{64}/g, '$&\r\n'),
          sought: base64Core(text, offset).slice(0, 5),
        }),
      ],
    ]),
  ),
};

const anySecret = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 8, maxLength: 60 }),
    fc.string({ unit: 'binary-ascii', minLength: 8, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 30 }),
    fc.constantFrom(
      'password',
      'p&ss "w<o>rd\'',
      'a/b\\c+d e%20f',
      'grüße aus köln',
      '12345678901',
    ),
  )
  .filter((value) => value.trim().length >= 8 && !/[\0\p{Surrogate}]/u.test(value));
/** Of signs that make no secret, and that no escape begins or goes on with. */
const surrounding = fc.string({
  unit: fc.constantFrom('.', ' ', 'Ω', '|', '(', ')'),
  maxLength: 20,
});

describe('the redactor', () => {
  test.each(Object.entries(ENCODINGS))('hides a secret %s', (_name, encode) => {
    fc.assert(
      fc.property(anySecret, surrounding, surrounding, (secret, before, after) => {
        const { written, sought } = encode(secret.trim());
        const shown = redactorOf(secret).text(`${before}${written}${after}`);
        expect(shown).toContain('[secret KEY]');
        // What is hidden may be part of the mark itself, as `secret K` is.
        expect(shown.replaceAll('[secret KEY]', '\u{10ffff}')).not.toContain(sought);
      }),
      { numRuns: 200 },
    );
  });

  test('hides it in keys and strings at every depth, and in numbers that are the secret', async () => {
    const { json } = redactorOf('1234567890123456789');
    const parsed = JSON.parse(
      '{"a":[{"x1234567890123456789":"y1234567890123456789z"},1234567890123456789],"__proto__":1,"n":12345}',
    );
    expect(JSON.stringify(await json(parsed))).toBe(
      '{"a":[{"x[secret KEY]":"y[secret KEY]z"},"[secret KEY]"],"__proto__":1,"n":12345}',
    );
  });

  test('takes no small number for a secret of many zeros', async () => {
    const shown = await redactorOf('00000000').json([0, 1, '00000000']);
    expect(shown).toEqual([0, 1, '[secret KEY]']);
  });

  test('hides it in each of many texts, and leaves the others', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySecret,
        fc.array(fc.oneof(surrounding, fc.constantFrom('\\', '%', '&', 'a', '')), { maxLength: 6 }),
        fc.constantFrom(...Object.values(ENCODINGS)),
        fc.nat(6),
        async (secret, others, encode, place) => {
          const { written, sought } = encode(secret.trim());
          const texts = others.toSpliced(place, 0, written);
          const shown = (await redactorOf(secret).json(texts)) as string[];
          const at = Math.min(place, others.length);
          expect(shown[at]).toContain('[secret KEY]');
          expect(shown[at]!.replaceAll('[secret KEY]', '\u{10ffff}')).not.toContain(sought);
          expect(shown.toSpliced(at, 1)).toEqual(others);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is done with a million texts', async () => {
    const body = Array.from({ length: 1_000_000 }, (_, n) => `text ${n}`);
    expect(await redactorOf('Kq7#vT9!mZ2$xW4').json(body)).toEqual(body);
  });

  test('hides each of a thousand secrets, in one way of writing or another', async () => {
    const secrets = Array.from({ length: 1000 }, (_, n) => ({
      name: `S${n}`,
      value: `sk_live_${hex(n * 7919, 8)}${hex(n, 8)}/`,
    }));
    const encodings = Object.values(ENCODINGS);
    const texts = secrets.map(({ value }, n) => encodings[n % encodings.length]!(value).written);
    const shown = (await createRedactor(secrets).json(texts)) as string[];
    for (const [n, text] of shown.entries()) expect(text).toContain(`[secret S${n}]`);
  });

  test('hides it wherever it stands in a long text, once', async () => {
    const redactor = redactorOf('Kq7#vT9!mZ2$xW4');
    const written = encodeURIComponent(JSON.stringify('Kq7#vT9!mZ2$xW4'));
    const places = [0, 100_000, ...[-40, -25, -10, -1, 0, 1].map((by) => 128 * 1024 + by)];
    for (const place of places) {
      for (const beyond of [0, 16 * 1024]) {
        const before = '.'.repeat(place + beyond);
        const after = '.'.repeat(300_000);
        const [shown] = (await redactor.json([`${before}${written}${after}`])) as [string];
        expect(shown === `${before}%22[secret KEY]%22${after}`).toBe(true);
      }
    }
  });

  test('lets others have their turn while it searches much', async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await redactorOf('Kq7#vT9!mZ2$xW4').json(
      Array.from({ length: 40 }, () => '\\"'.repeat(30_000)),
    );
    clearImmediate(next);
    expect(turns).toBeGreaterThan(10);
  });

  test('hides it in bytes', async () => {
    const bytes = Buffer.concat([Buffer.of(0, 255, 254), Buffer.from('köln-key-1'), Buffer.of(1)]);
    const shown = await redactorOf('köln-key-1').bytes(bytes);
    expect(shown.toString('latin1')).toBe('\0\u00ff\u00fe[secret KEY]\u0001');
  });

  test('hides what stood for it', () => {
    expect(redactorOf('a-long-secret').text(`/?k=${TOKEN}`)).toBe('/?k=[secret KEY]');
  });

  test('hides secrets that overlap', () => {
    const { text } = createRedactor([
      { name: 'A', value: 'abcdefgh', token: `${TOKEN}1` },
      { name: 'B', value: 'efghijkl', token: `${TOKEN}2` },
    ]);
    expect(text('xabcdefghijkly')).toBe('x[secret A]y');
  });

  test('leaves text without the secret as it is', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({
        unit: fc.constantFrom('%', '4', '1', '\\', 'u', '0', '&', '#', ';', 'a', '+'),
        maxLength: 200,
      }),
      fc.base64String({ maxLength: 200 }),
      fc.json(),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(redactorOf('Kq7#vT9!mZ2$xW4').text(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  // In a time that grew with the text times the secret, none of these would end within the test's.
  test.each([
    ['text of one letter', 'a', `${'a'.repeat(60_000)}b`, false],
    ['text that is the secret everywhere', 'ab', `b${'ab'.repeat(30_000)}`, true],
    ['escapes alone', String.raw`%41\u0041&#65;`, `${'A'.repeat(60_000)}B`, false],
    ['ordinary JSON', String.raw`{"name":"value %20","other":"\n"}`, 'Kq7#vT9!mZ2$xW4', false],
  ])('is done with 10 MiB of %s', (_name, piece, secret, isHidden) => {
    const text = piece.repeat(Math.ceil((10 * 1024 * 1024) / piece.length));
    expect(redactorOf(secret).text(text) === text).toBe(!isHidden);
  });
});
