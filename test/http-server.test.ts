import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { takeUpgrades } from '../api/live/upgrades.ts';
import { listen } from '../src/http-server.ts';

test('a server that stops cuts those who take no answer, also to a wish for a WebSocket', async () => {
  const server = createServer();
  const large = 'x'.repeat(64 * 1024 * 1024);
  takeUpgrades(server, (_request, response) => void response.end(large), new WeakMap());
  const listening = await listen(server, { host: '127.0.0.1', port: 0, drainMs: 1 });
  const socket = connect(Number(new URL(listening.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: aos\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await once(socket, 'readable');
  await listening.stop();
  expect(server.listening).toBe(false);
  socket.destroy();
});

test('answers never change places, whatever is asked for behind a slow request', async () => {
  const server = createServer();
  server.on('request', ({ url }, response) => {
    if (url !== '/slow') response.end(url);
  });
  takeUpgrades(server, () => {}, new WeakMap());
  const listening = await listen(server, { host: '127.0.0.1', port: 0, drainMs: 1 });
  const socket = connect(Number(new URL(listening.url).port), '127.0.0.1');
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  const head = (path: string, more = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: aos\r\n${more}\r\n`;
  socket.write(
    head('/slow') + head('/second', 'Connection: Upgrade\r\nUpgrade: h2c\r\n') + head('/third'),
  );
  await once(socket, 'close');
  expect(received).toBe('');
  await listening.stop();
});

test('a connection that asks for another protocol again and again keeps as many listeners', async () => {
  const server = createServer();
  const counts: number[] = [];
  server.on('request', ({ socket }, response) => {
    counts.push(socket.listenerCount('close'));
    response.end();
  });
  takeUpgrades(server, () => {}, new WeakMap());
  const listening = await listen(server, { host: '127.0.0.1', port: 0, drainMs: 1 });
  const socket = connect(Number(new URL(listening.url).port), '127.0.0.1');
  for (let asked = 0; asked < 5; asked += 1) {
    socket.write('GET / HTTP/1.1\r\nHost: aos\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await once(socket, 'data');
  }
  expect(counts).toEqual(Array.from({ length: 5 }, () => counts[0]));
  socket.destroy();
  await listening.stop();
});
