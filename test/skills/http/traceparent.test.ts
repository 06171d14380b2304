import { describe, expect, test } from '@jest/globals';
import { parseTraceparent, traceparentOfEffect } from '../../../src/skills/http/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  test.each([
    ['00', '00'],
    ['01', '01'],
    // Only the lowest bit has a meaning in version 00.
    ['03', '01'],
    ['fe', '00'],
  ])('with the flags %s is written with %s', (given, written) => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-${given}`)).toBe(`00-${TRACE}-${SPAN}-${written}`);
  });

  test('of a later version is read as far as it is known, and written as version 00', () => {
    const known = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01`)).toBe(known);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)).toBe(known);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01.what`)).toBeUndefined();
  });

  test.each(['', 'x', `00-${TRACE}-${SPAN}`, `00-${TRACE}-${SPAN}-1`, `0-${TRACE}-${SPAN}-01`])(
    'that is none is not read: %s',
    (text) => {
      expect(parseTraceparent(text)).toBeUndefined();
      expect(traceparentOfEffect(text, 'run/step/1')).toBeUndefined();
    },
  );

  test('of an effect has the first 8 bytes of the SHA-256 of its key as its span', () => {
    // printf run/step/1 | sha256sum
    const span = '358176544cf60ac3';
    expect(traceparentOfEffect(`00-${TRACE}-${SPAN}-01`, 'run/step/1')).toBe(
      `00-${TRACE}-${span}-01`,
    );
  });

  test('differs between the effects of a run, and the roles of a step', () => {
    const keys = ['run/a/1', 'run/b/1', 'run/a/2', 'run/a/1/fallback', 'run/a/1/compensate'];
    const sent = keys.map((key) => traceparentOfEffect(`00-${TRACE}-${SPAN}-01`, key));
    expect(new Set(sent).size).toBe(keys.length);
  });
});
