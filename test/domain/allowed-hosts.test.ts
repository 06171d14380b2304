import { describe, expect, test } from '@jest/globals';
import { hostRefusal, isHostAllowed } from '../../src/domain/allowed-hosts.ts';

const allows = (url: string, ...allowed: string[]): boolean => isHostAllowed(new URL(url), allowed);

describe('a list of hosts', () => {
  test.each([
    ['https://api.example.org/x', 'api.example.org'],
    ['https://API.Example.ORG', 'api.example.org'],
    ['http://api.example.org:8080', 'api.example.org'],
    ['http://api.example.org.', 'api.example.org'],
    ['http://a.b.example.org', '*.example.org'],
    ['https://api.example.org', 'api.example.org:443'],
    ['http://api.example.org', 'api.example.org:80'],
    ['http://api.example.org:8443', '*.example.org:8443'],
    ['http://0x7f.1:81', '127.0.0.1:81'],
  ])('allows %s by %s', (url, entry) => {
    expect(allows(url, entry)).toBe(true);
  });

  test.each([
    ['https://example.org', '*.example.org'],
    ['https://evilexample.org', '*.example.org'],
    ['https://api.example.org.evil.net', 'api.example.org'],
    ['https://api.example.org@evil.net', 'api.example.org'],
    ['https://evil.net/api.example.org', 'api.example.org'],
    ['http://api.example.org', 'api.example.org:443'],
    ['https://api.example.org:8443', 'api.example.org:443'],
    ['http://[::1]', 'localhost'],
    ['http://127.0.0.2', '127.0.0.1'],
  ])('does not allow %s by %s', (url, entry) => {
    expect(allows(url, entry)).toBe(false);
  });

  test('that is empty allows none, and the refusal names host and list', () => {
    const url = new URL('https://example.org:8443/secret?x=1');
    expect(hostRefusal(url, [])).toBe(
      'The agent may not reach `example.org:8443`. Its allowed_hosts are none.',
    );
    expect(hostRefusal(url, ['a.org', '*.b.org:1'])).toBe(
      'The agent may not reach `example.org:8443`. Its allowed_hosts are `a.org`, `*.b.org:1`.',
    );
    expect(hostRefusal(url, ['example.org'])).toBeUndefined();
  });
});
