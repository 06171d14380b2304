import { describe, expect, test } from '@jest/globals';
import { errors } from 'undici';
import { AosError } from '../../../../src/contracts/failures.ts';
import { toWireFailure } from '../../../../src/skills/llm/provider/failures.ts';
import type { Provider } from '../../../../src/skills/llm/provider/provider.ts';

const HOST = 'models.internal';
const operator: Provider = { name: 'compatible', baseUrl: `http://${HOST}:8080/v1`, apiKey: 'key' };
const plan: Provider = { name: 'plan', baseUrl: `http://${HOST}:8080/v1` };

describe('what goes wrong on the way to a provider', () => {
  const request = {
    url: new URL(`http://${HOST}:8080/v1/chat/completions`),
    method: 'POST',
    headers: new Map<string, string>(),
    body: '{}',
  };
  const garbled = Object.assign(new errors.HTTPParserError('Parse error'), { data: 'garbage' });
  const coded = (code: string): Error => Object.assign(new Error(`${code} ${HOST}`), { code });

  test.each<[string, unknown, boolean, string]>([
    ['a name without address', new AosError('DNS_FAILED', `No ${HOST}.`), false, 'DNS_FAILED'],
    ['no connection', coded('ECONNREFUSED'), false, 'CONNECT_FAILED'],
    ['an end before the answer', coded('UND_ERR_SOCKET'), true, 'PROVIDER_FAILED'],
    ['no HTTP', garbled, true, 'PROVIDER_FAILED'],
    ['endless headers', coded('UND_ERR_HEADERS_OVERFLOW'), true, 'RESPONSE_TOO_LARGE'],
    ['a wrong coding', new AosError('RESPONSE_INVALID', `From ${HOST}.`), true, 'PROVIDER_FAILED'],
    ['a bad request', coded('UND_ERR_INVALID_ARG'), false, 'PARAMS_INVALID'],
  ])(
    'has a code and, for %s, names an operator’s server only by its provider',
    (_what, error, isSent, code) => {
      const { failure } = toWireFailure(error, request, isSent, operator);
      expect(failure.code).toBe(code);
      expect(failure.message).toContain('The provider `compatible`');
      expect(failure.message).not.toContain(HOST);
      expect(toWireFailure(error, request, isSent, plan).failure.message).toContain(HOST);
    },
  );

  test('is told as it is when it is no matter of the way', () => {
    const blocked = new AosError('EGRESS_BLOCKED', 'Not there.');
    expect(toWireFailure(blocked, request, false, plan)).toBe(blocked);
  });
});
