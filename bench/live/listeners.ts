import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { quantile } from '../measure/statistics.ts';
import type { Command, Delays, Form, Told } from './protocol.ts';

/** The clients of all streams, in a process of their own. They look for the time of each event and for nothing else. */
const AT = /"at":"([^"]+)"/g;

const sockets = new Set<Socket | WebSocket>();
let delaysMs: number[] = [];
let awaited: { count: number; resolve: () => void } | undefined;

function note(text: string): void {
  const nowMs = performance.timeOrigin + performance.now();
  for (const [, at] of text.matchAll(AT)) delaysMs.push(nowMs - Date.parse(at!));
  if (awaited && delaysMs.length >= awaited.count) awaited.resolve();
}

async function openSse(url: URL, key: string): Promise<void> {
  const socket = connect(Number(url.port), url.hostname);
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: aos\r\nX-API-Key: ${key}\r\nAccept: text/event-stream\r\n\r\n`,
  );
  const [first] = (await once(socket, 'data')) as [Buffer];
  if (!first.toString().startsWith('HTTP/1.1 200')) throw new Error(first.toString());
  let rest = first.toString('latin1');
  const take = (text: string): void => {
    // An event is never cut by what HTTP puts between the parts of an answer.
    const end = Math.max(text.lastIndexOf('\n\n'), 0);
    rest = text.slice(end);
    note(text.slice(0, end));
  };
  take(rest);
  socket.setEncoding('latin1').on('data', (text: string) => take(rest + text));
}

async function openWebSocket(url: URL, key: string): Promise<void> {
  const socket = new WebSocket(url.href.replace(/^http/, 'ws'), { headers: { 'X-API-Key': key } });
  sockets.add(socket);
  socket.on('message', (data: Buffer) => note(data.toString('latin1')));
  await once(socket, 'open');
  socket.on('error', () => {});
}

const OPEN: Record<Form, (url: URL, key: string) => Promise<void>> = {
  sse: openSse,
  websocket: openWebSocket,
};
const AT_ONCE = 50;

async function open({ form, baseUrl, paths, key }: Command & { kind: 'open' }): Promise<void> {
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    await Promise.all(
      paths.slice(from, from + AT_ONCE).map((path) => OPEN[form](new URL(path, baseUrl), key)),
    );
  }
}

/** The delays of so many events, and of no more. */
async function receive(count: number): Promise<Delays> {
  if (delaysMs.length < count) {
    await new Promise<void>((resolve) => {
      awaited = { count, resolve };
    });
  }
  awaited = undefined;
  const all = delaysMs;
  delaysMs = [];
  return {
    count: all.length,
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(all, 0.99),
    maxMs: quantile(all, 1),
  };
}

async function closeAll(): Promise<void> {
  for (const socket of sockets)
    if (socket instanceof WebSocket) socket.terminate();
    else socket.destroy();
  sockets.clear();
}

const tell = (told: Told): void => void process.send!(told);

async function obey(command: Command): Promise<void> {
  if (command.kind === 'open') {
    await open(command);
    tell({ kind: 'done' });
  } else if (command.kind === 'receive') {
    tell({ kind: 'delays', delays: await receive(command.count) });
  } else {
    await closeAll();
    tell({ kind: 'done' });
  }
}

process.on('message', (command: Command) => {
  obey(command).catch((error: unknown) => tell({ kind: 'failed', reason: String(error) }));
});
process.on('disconnect', () => process.exit(0));
