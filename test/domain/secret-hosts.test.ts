import { describe, expect, test } from '@jest/globals';
import { isKnownAt, isSecretHost, secretHostRefusal } from '../../src/domain/secret-hosts.ts';

const cases: [string, string, boolean][] = [
  ['api.example.org', 'https://api.example.org/x', true],
  ['api.example.org', 'https://API.example.org.:443/x', true],
  ['api.example.org', 'https://api.example.org:8443', false],
  ['api.example.org', 'http://api.example.org', false],
  ['api.example.org', 'http://api.example.org:443', false],
  ['api.example.org', 'https://example.org', false],
  ['api.example.org', 'https://api.example.org.evil.example', false],
  ['api.example.org', 'https://evilapi.example.org', false],
  ['api.example.org', 'https://api.example.org@evil.example', false],
  ['api.example.org:8443', 'https://api.example.org:8443', true],
  ['api.example.org:8443', 'https://api.example.org', false],
  ['*.example.org', 'https://a.b.example.org', true],
  ['*.example.org', 'https://example.org', false],
  ['*.example.org', 'https://evilexample.org', false],
  ['*.example.org', 'https://a.example.org:8443', false],
  ['*.example.org:8443', 'https://a.example.org:8443', true],
  ['http://api.example.org', 'http://api.example.org', true],
  ['http://api.example.org', 'https://api.example.org', false],
  ['http://api.example.org:8080', 'http://api.example.org:8080', true],
  ['http://api.example.org:8080', 'http://api.example.org', false],
  ['http://*.example.org', 'http://a.example.org', true],
  ['192.0.2.7', 'https://0xc0.0.2.7', true],
  ['192.0.2.7', 'https://[::ffff:192.0.2.7]', false],
  ['[2001:db8::1]', 'https://[2001:db8:0::1]', true],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443', true],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]', false],
];

describe('the hosts of a secret', () => {
  test.each(cases)('%s, asked for %s: %s', (entry, url, expected) => {
    expect(isSecretHost(new URL(url), [entry])).toBe(expected);
  });

  test('refuse all when there are none, and say why', () => {
    const url = new URL('https://elsewhere.example:8443/path?query');
    expect(isSecretHost(url, [])).toBe(false);
    expect(secretHostRefusal(url, 'KEY', ['a.example.org', 'http://b.example.org'])).toBe(
      'The secret `KEY` may not be sent to `https://elsewhere.example:8443`. Its hosts are `a.example.org`, `http://b.example.org`.',
    );
    expect(secretHostRefusal(url, 'KEY', ['elsewhere.example:8443'])).toBeUndefined();
  });

  test.each([
    ['api.example.org:8443', 'http://api.example.org', true],
    ['http://api.example.org', 'https://api.example.org:1', true],
    ['*.example.org:1', 'https://a.example.org', true],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]', true],
    ['api.example.org', 'https://example.org', false],
  ])('%s may have sent it back at %s, whatever the port: %s', (entry, url, expected) => {
    expect(isKnownAt(new URL(url), [entry])).toBe(expected);
  });
});
