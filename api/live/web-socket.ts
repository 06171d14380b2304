import type { ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { AosError } from '../../src/contracts/failures.ts';
import { STREAM_INBOUND_BYTES_MAX } from '../../src/contracts/limits.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';
import type { EventReader } from './event-reader.ts';
import { openStream } from './open-stream.ts';
import type { CountedStream, EndReason } from './open-stream.ts';
import type { Upgrade } from './upgrades.ts';

/** How long a client may take to answer that the socket is closed. */
const CLOSE_MS = 2000;
const CODES: Record<EndReason | 'run_ended', number> = {
  run_ended: 1000,
  api_stops: 1001,
  key_ended: 1008,
  client_stalled: 1008,
};
const TAKES_NOTHING = 'takes no messages';
/** Headers of the answer that the handshake has of its own. */
const OWN_HEADERS = new Set(['connection', 'upgrade', 'content-length', 'content-type']);

export interface WebSockets {
  /** Turns the request into a socket that gets the events. Errors: STREAMS_EXCEEDED, ORIGIN_NOT_ALLOWED, INVALID_REQUEST. */
  answer(ctx: AosContext, upgrade: Upgrade, reader: EventReader): Promise<void>;
}

export function createWebSockets(deps: ApiDeps): WebSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: STREAM_INBOUND_BYTES_MAX,
  });
  const headersOf = new WeakMap<object, string[]>();
  server.on('headers', (lines, request) => lines.push(...(headersOf.get(request) ?? [])));

  return {
    async answer(ctx, { socket, head }, reader) {
      refuseHandshake(ctx, deps.corsOrigins);
      let ws: WebSocket | undefined;
      let endedBy: EndReason | undefined;
      let pingedMs: number | undefined;
      const stream = await openStream(ctx, deps, reader, {
        ping() {
          pingedMs ??= performance.now();
          ws?.ping();
        },
        silentMs: () => (pingedMs === undefined ? 0 : performance.now() - pingedMs),
        end(reason) {
          endedBy ??= reason;
          if (ws) close(ws, reason);
        },
      });
      ctx.status = 101;
      ctx.respond = false;
      headersOf.set(ctx.req, headerLines(ctx.res));
      ctx.res.detachSocket(ctx.req.socket);
      server.handleUpgrade(ctx.req, socket, head, (made) => (ws = made));
      // The client has gone meanwhile.
      if (ws === undefined) return stream.close();
      const opened: WebSocket = ws;
      opened.on('error', () => {});
      opened.on('pong', () => (pingedMs = undefined));
      opened.on('message', () => opened.close(1008, TAKES_NOTHING));
      opened.on('close', () => stream.close());
      if (endedBy !== undefined) close(opened, endedBy);
      void sendEvents(opened, stream).catch((error: unknown) => {
        deps.logger.error('stream.failed', error, { request_id: ctx.state.requestId });
        opened.terminate();
      });
    },
  };
}

function refuseHandshake(ctx: AosContext, corsOrigins: readonly string[]): void {
  const origin = ctx.get('Origin');
  if (origin !== '' && !corsOrigins.includes(origin)) {
    throw new AosError(
      'ORIGIN_NOT_ALLOWED',
      'The page that asks is of an origin that may not call the API; AOS_CORS_ORIGINS names those that may.',
    );
  }
  const version = ctx.get('Sec-WebSocket-Version');
  const key = ctx.get('Sec-WebSocket-Key');
  if ((version === '13' || version === '8') && /^[+/\dA-Za-z]{22}==$/.test(key)) return;
  throw new AosError(
    'INVALID_REQUEST',
    'The request for a WebSocket takes Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key of 16 bytes in base64.',
    { status: 400 },
  );
}

const headerLines = (res: ServerResponse): string[] =>
  Object.entries(res.getHeaders())
    .filter(([name]) => !OWN_HEADERS.has(name))
    .map(([name, value]) => `${name}: ${String(value)}`);

async function sendEvents(ws: WebSocket, { subscription, sending }: CountedStream): Promise<void> {
  const isOpen = (): boolean => ws.readyState === ws.OPEN;
  while (isOpen()) {
    const events = await subscription.next();
    if (events.length > 0 && isOpen()) {
      await sending(async () => {
        const sent = events.map(
          ({ json }) => new Promise<void>((resolve) => ws.send(json, () => resolve())),
        );
        await sent.at(-1);
      });
    }
    if (subscription.hasEnded() && isOpen()) close(ws, 'run_ended');
  }
}

function close(ws: WebSocket, reason: EndReason | 'run_ended'): void {
  if (reason === 'client_stalled') return ws.terminate();
  ws.close(CODES[reason], reason);
  const timer = setTimeout(() => ws.terminate(), CLOSE_MS);
  ws.once('close', () => clearTimeout(timer));
}
