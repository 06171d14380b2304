import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import {
  findFreePort,
  findFreePorts,
  isListening,
  isPortFree,
} from '../../src/embedded/free-port.ts';

test('a port is busy while a server listens on it, and free again afterwards', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect([await isPortFree(port), await isListening(port)]).toEqual([false, true]);
  server.close();
  await once(server, 'close');
  expect([await isPortFree(port), await isListening(port)]).toEqual([true, false]);
});

test('a found port is free', async () => {
  expect(await isPortFree(await findFreePort())).toBe(true);
});

test('ports that are found together differ', async () => {
  const ports = await findFreePorts(20);
  expect(new Set(ports).size).toBe(20);
});
