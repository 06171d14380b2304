import { ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A connection that a client wants to speak WebSocket on. */
export interface Upgrade {
  socket: Duplex;
  /** What the client has sent behind its request. */
  head: Buffer;
}

/** The requests that ask for a WebSocket, while they pass through the app. */
export type Upgrades = Pick<WeakMap<IncomingMessage, Upgrade>, 'get'>;

/**
 * Lets requests for a WebSocket pass through the app like any other, so that they are answered or refused alike. What
 * asks for another protocol is served as if it had not asked, which HTTP allows.
 */
export function takeUpgrades(
  server: Server,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  upgrades: WeakMap<IncomingMessage, Upgrade>,
): void {
  // By itself Node keeps the first thousand headers: what is written anew would lose a Content-Length behind them, and
  // the body be taken for the next request. Their bytes bound them.
  server.maxHeadersCount = 0;
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    try {
      response.assignSocket(socket);
    } catch {
      // The answer to an earlier request on this connection is not out yet: it and this one could change places.
      socket.on('error', ignore).destroy();
      return;
    }
    if (!asksForWebSocket(request)) {
      response.detachSocket(socket);
      return serveWithout(server, request, socket, head);
    }
    socket.on('error', ignore);
    response.once('finish', () => socket.destroySoon());
    upgrades.set(request, { socket, head });
    handle(request, response);
  });
}

const ignore = (): void => {};

const asksForWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

const OF_UPGRADE = new Set(['upgrade', 'http2-settings']);

/** Node has given the connection away: it gets it back, with the request as it would be without the wish. */
function serveWithout(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (OF_UPGRADE.has(name.toLowerCase())) continue;
    const value = rawHeaders[at + 1]!;
    const isConnection = name.toLowerCase() === 'connection';
    const kept = isConnection
      ? value.split(',').filter((each) => !OF_UPGRADE.has(each.trim().toLowerCase()))
      : [value];
    if (kept.length > 0) lines.push(`${name}: ${kept.join(',')}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
