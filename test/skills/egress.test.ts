import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AosError } from '../../src/contracts/failures.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import type { EgressGuard } from '../../src/skills/egress.ts';

/** A server that answers anything with 204 and counts who came. */
let server: Server;
let port = 0;
let connections = 0;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer((socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'));
  });
  server.listen(0);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const nobody = () => Promise.reject(new Error('Nothing is to be resolved here.'));

/** Sends through the guard's connections only, as if nobody had asked `checkUrl`. */
async function reach(guard: EgressGuard, origin: string): Promise<unknown> {
  const before = connections;
  const { dispatcher, close } = guard.open();
  try {
    const { statusCode, body } = await dispatcher.request({ origin, path: '/', method: 'GET' });
    await body.dump();
    return statusCode;
  } catch (error) {
    if (connections !== before) return 'It connected.';
    return error instanceof AosError ? error.failure.code : error;
  } finally {
    close();
  }
}

const PRIVATE_HOSTS = [
  '127.0.0.1',
  '127.1',
  '0x7f.1',
  '0177.0.0.1',
  '2130706433',
  '①②⑦.0.0.1',
  '127.0.0.1.',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[fc00::1]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[4000::1]',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
];

describe('without rules', () => {
  const guard = createEgressGuard({ allow: [], resolve: nobody });

  test.each(PRIVATE_HOSTS)(
    'http://%s is refused, by the check and by the connection',
    async (host) => {
      expect(guard.checkUrl(new URL(`http://${host}:${port}`))?.failure.code).toBe(
        'EGRESS_BLOCKED',
      );
      expect(await reach(guard, `http://${host}:${port}`)).toBe('EGRESS_BLOCKED');
      expect(await reach(guard, `https://${host}:${port}`)).toBe('EGRESS_BLOCKED');
    },
  );

  test.each(['http://93.184.216.34', 'https://93.184.216.34:8443', 'http://[2606:4700::1111]'])(
    '%s passes the check',
    (url) => expect(guard.checkUrl(new URL(url))).toBeUndefined(),
  );

  test.each(['file:///etc/passwd', 'ftp://93.184.216.34', 'gopher://93.184.216.34', 'data:,x'])(
    '%s is refused for its scheme',
    (url) => expect(guard.checkUrl(new URL(url))?.message).toContain('scheme'),
  );

  test.each([0, 22, 25, 143, 3306, 5432, 6379])('port %d is refused everywhere', (refused) => {
    const names = ['http://93.184.216.34', 'http://example.org', 'https://[2606:4700::1111]'];
    const refusals = names.map((name) => guard.checkUrl(new URL(`${name}:${refused}`)));
    expect(refusals.map((refusal) => refusal?.failure.code)).toEqual(
      names.map(() => 'EGRESS_BLOCKED'),
    );
  });

  test('localhost is refused once it is resolved', async () => {
    const real = createEgressGuard({ allow: [] });
    expect(await reach(real, `http://localhost:${port}`)).toBe('EGRESS_BLOCKED');
    expect(await reach(real, `http://LocalHost:${port}`)).toBe('EGRESS_BLOCKED');
  });

  test('a name is refused when any of its addresses is private', async () => {
    const resolve = () => Promise.resolve([{ address: '93.184.216.34' }, { address: '127.0.0.1' }]);
    const mixed = createEgressGuard({ allow: [], resolve });
    expect(await reach(mixed, `http://example.org:${port}`)).toBe('EGRESS_BLOCKED');
  });

  test('an answer of the resolver that is no address is refused', async () => {
    for (const address of ['', 'localhost', '127.1', 'fe80::1%lo', '::ffff:127.0.0.1']) {
      const odd = createEgressGuard({ allow: [], resolve: () => Promise.resolve([{ address }]) });
      expect(await reach(odd, `http://example.org:${port}`)).toBe('EGRESS_BLOCKED');
    }
  });

  test('a name without addresses does not resolve', async () => {
    const empty = createEgressGuard({ allow: [], resolve: () => Promise.resolve([]) });
    expect(await reach(empty, 'http://example.org')).toBe('DNS_FAILED');
    expect(await reach(guard, 'http://example.org')).toBe('DNS_FAILED');
  });

  test('a message does not say to which address a name leads', async () => {
    const resolve = () => Promise.resolve([{ address: '10.11.12.13' }]);
    const { dispatcher, close } = createEgressGuard({ allow: [], resolve }).open();
    const request = dispatcher.request({ origin: 'http://example.org', path: '/', method: 'GET' });
    await expect(request).rejects.toThrow(/^(?!.*10\.11\.12\.13).*example\.org/);
    close();
  });
});

describe('a name whose addresses change', () => {
  test('is resolved once for a connection, and judged again for the next', async () => {
    // 127.0.0.2 stands for the public address: only it is allowed.
    const answers = ['127.0.0.2', '127.0.0.1'];
    const asked: string[] = [];
    const guard = createEgressGuard({
      allow: parseEgressAllow('127.0.0.2/32'),
      resolve(hostname) {
        asked.push(hostname);
        return Promise.resolve([{ address: answers.shift() ?? 'none' }]);
      },
    });
    expect(await reach(guard, `http://rebind.example:${port}`)).toBe(204);
    expect(asked).toEqual(['rebind.example']);
    expect(await reach(guard, `http://rebind.example:${port}`)).toBe('EGRESS_BLOCKED');
    expect(asked).toHaveLength(2);
  });
});

describe('rules', () => {
  const guardOf = (allow: string, address = '127.0.0.1') =>
    createEgressGuard({
      allow: parseEgressAllow(allow),
      resolve: () => Promise.resolve([{ address }]),
    });

  test('a range of addresses is allowed at every port, in every spelling, by every name', async () => {
    const guard = guardOf('10.0.0.0/8, 127.0.0.0/8');
    for (const host of ['127.0.0.1', '127.1', '[::ffff:127.0.0.1]', 'internal.example']) {
      expect(await reach(guard, `http://${host}:${port}`)).toBe(204);
    }
    expect(guard.checkUrl(new URL('http://10.0.0.1:5432'))).toBeUndefined();
    expect(guard.checkUrl(new URL('http://11.0.0.1:5432'))).toBeDefined();
    expect(guard.checkUrl(new URL('http://[::1]'))).toBeDefined();
  });

  test('a literal with a port is allowed at that port only', async () => {
    const guard = guardOf(`127.0.0.1:${port}`);
    expect(await reach(guard, `http://127.0.0.1:${port}`)).toBe(204);
    expect(await reach(guard, `http://127.0.0.1:${port - 1}`)).toBe('EGRESS_BLOCKED');
    expect(await reach(guard, `http://127.0.0.2:${port}`)).toBe('EGRESS_BLOCKED');
  });

  test('a name with a port is allowed wherever it leads, and no other name is', async () => {
    const guard = guardOf(`Internal.Example:${port - 1}-${port}`);
    expect(await reach(guard, `http://internal.example:${port}`)).toBe(204);
    expect(await reach(guard, `http://internal.example.:${port}`)).toBe(204);
    expect(await reach(guard, `http://internal.example:${port + 1}`)).toBe('EGRESS_BLOCKED');
    expect(await reach(guard, `http://other.example:${port}`)).toBe('EGRESS_BLOCKED');
    expect(await reach(guard, `http://127.0.0.1:${port}`)).toBe('EGRESS_BLOCKED');
  });

  test('an IPv6 host stands in brackets', () => {
    const guard = guardOf('[::1]:4000-4001,fd00::/8');
    expect(guard.checkUrl(new URL('http://[::1]:4001'))).toBeUndefined();
    expect(guard.checkUrl(new URL('http://[::1]:4002'))).toBeDefined();
    expect(guard.checkUrl(new URL('http://[fd12::1]'))).toBeUndefined();
  });

  test('nothing, and what is between commas, is no rule', () => {
    expect(parseEgressAllow('')).toEqual([]);
    expect(parseEgressAllow(' , ,')).toEqual([]);
  });

  test.each([
    'localhost',
    '10/8',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '::ffff:10.0.0.0/104',
    'example.org/8',
    'example.org:0',
    'example.org:70000',
    'example.org:90-80',
    'example.org:http',
    '::1:4000',
    'http://example.org:80',
    'user@example.org:80',
    'exa mple:80',
    '*:80',
    'true',
  ])('`%s` is no rule, and the message names it', (entry) =>
    expect(() => parseEgressAllow(`127.0.0.1/32,${entry}`)).toThrow(`\`${entry}\``),
  );
});

describe('connections', () => {
  test('never go through a proxy of the environment', async () => {
    const before = connections;
    const kept = { ...process.env };
    const proxy = `http://127.0.0.1:${port}`;
    Object.assign(process.env, { http_proxy: proxy, HTTP_PROXY: proxy, ALL_PROXY: proxy });
    try {
      const guard = createEgressGuard({ allow: [], resolve: () => Promise.resolve([]) });
      expect(await reach(guard, 'http://example.org')).toBe('DNS_FAILED');
    } finally {
      for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) delete process.env[name];
      Object.assign(process.env, kept);
    }
    expect(connections).toBe(before);
  });

  test('end at once on close, also in the middle of a handshake', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port: silentPort } = silent.address() as AddressInfo;
    const { dispatcher, close } = createEgressGuard({
      allow: parseEgressAllow('127.0.0.1/32'),
    }).open();
    const accepted = once(silent, 'connection');
    const request = dispatcher.request({
      origin: `https://127.0.0.1:${silentPort}`,
      path: '/',
      method: 'GET',
    });
    const refused = request.then(
      () => 'answered',
      () => 'refused',
    );
    const [socket] = (await accepted) as [Socket];
    socket.on('error', () => undefined).resume();
    const ended = once(socket, 'close');
    close();
    await ended;
    expect(await refused).toBe('refused');
    await new Promise((resolve) => silent.close(resolve));
  });
});
