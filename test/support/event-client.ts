import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { WebSocket } from 'ws';
import type { Event } from '../../src/contracts/event.ts';

/** A client of one stream, which has got what is in `messages`. */
export interface EventClient {
  status: number;
  headers: Headers;
  /** Everything but `stream.end`, in the order in which it came. */
  messages: EventSourceMessage[];
  comments: string[];
  retries: number[];
  /** The reason of `stream.end`. */
  ended: string | undefined;
  /** Resolves when so many messages have come, or rejects when the stream closes before. */
  received(count: number): Promise<void>;
  /** Resolves when the server, or a break, has closed it. */
  closed: Promise<void>;
  close(): void;
}

/** Opens a stream of server-sent events. */
export async function openEvents(
  url: string,
  { key, lastEventId }: { key: string; lastEventId?: string },
): Promise<EventClient> {
  const abort = new AbortController();
  const response = await fetch(url, {
    headers: {
      Accept: 'text/event-stream',
      'X-API-Key': key,
      ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
    },
    signal: abort.signal,
  });
  const changed = new Set<() => void>();
  let isClosed = false;
  const tell = (): void => {
    for (const each of changed) each();
  };
  const client: EventClient = {
    status: response.status,
    headers: response.headers,
    messages: [],
    comments: [],
    retries: [],
    ended: undefined,
    received: (count) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (client.messages.length >= count) resolve();
          else if (isClosed) reject(new Error(`closed after ${client.messages.length} messages`));
          else return;
          changed.delete(look);
        };
        changed.add(look);
        look();
      }),
    closed: Promise.resolve(),
    close: () => abort.abort(),
  };
  const parser = createParser({
    onEvent(message) {
      if (message.event === 'stream.end')
        client.ended = (JSON.parse(message.data) as { reason: string }).reason;
      else client.messages.push(message);
      tell();
    },
    onComment: (comment) => void client.comments.push(comment),
    onRetry: (retry) => void client.retries.push(retry),
  });
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body!)
        parser.feed(decoder.decode(chunk, { stream: true }));
    } catch {
      // It was cut.
    }
    isClosed = true;
    tell();
  };
  client.closed = read();
  return client;
}

export const eventsOf = (client: EventClient): Event[] =>
  client.messages.map(({ data }) => JSON.parse(data) as Event);

export interface SocketClient {
  socket: WebSocket;
  events: Event[];
  received(count: number): Promise<void>;
  closed: Promise<{ code: number; reason: string }>;
}

/** Opens a WebSocket; rejects with the status and the body when it is refused. */
export async function openSocket(
  url: string,
  { key, headers }: { key: string; headers?: Record<string, string> },
): Promise<SocketClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), {
    headers: { 'X-API-Key': key, ...headers },
  });
  const changed = new Set<() => void>();
  const events: Event[] = [];
  socket.on('message', (data: Buffer) => {
    events.push(JSON.parse(data.toString()) as Event);
    for (const each of changed) each();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
    });
  });
  return {
    socket,
    events,
    closed,
    received: (count) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (events.length < count) return;
          changed.delete(look);
          resolve();
        };
        changed.add(look);
        look();
        void closed.then(() => {
          look();
          reject(new Error(`closed after ${events.length} messages`));
        });
      }),
  };
}
