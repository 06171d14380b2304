import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { StreamEnd } from '../../src/contracts/live.ts';
import type { LiveEvent } from '../../src/live/scope.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';
import type { EventReader } from './event-reader.ts';
import { openStream } from './open-stream.ts';
import type { CountedStream, EndReason } from './open-stream.ts';

const RETRY_MS = 1000;
/** For those who come back to a stream that has ended: a browser does, whatever it is told. */
const RETRY_ENDED_MS = 24 * 3600 * 1000;

/** Answers with the events as they happen, as server-sent events. Errors: STREAMS_EXCEEDED. */
export async function answerStream(
  ctx: AosContext,
  deps: ApiDeps,
  reader: EventReader,
): Promise<void> {
  const { res } = ctx;
  let endedBy: EndReason | undefined;
  const stream = await openStream(ctx, deps, reader, {
    ping() {
      if (!res.writableEnded && !res.writableNeedDrain) res.write(': ping\n\n');
    },
    end(reason) {
      const isTold = endedBy !== undefined;
      endedBy ??= reason;
      // A client that takes nothing would keep it open.
      if (
        isTold ||
        reason === 'client_stalled' ||
        (reason === 'key_ended' && res.writableNeedDrain)
      )
        res.destroy();
      else if (res.headersSent && !res.writableEnded) res.end(lastWords(reason));
    },
  });
  ctx.status = 200;
  ctx.set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    Connection: 'close',
  });
  // From here on the answer is written by hand.
  ctx.respond = false;
  res.once('close', () => stream.close());
  // Whatever fails in sending, the stream is closed then.
  res.on('error', () => {});
  if (res.destroyed || res.closed) return stream.close();
  res.write(`retry: ${RETRY_MS}\n\n`);
  if (endedBy !== undefined) res.end(lastWords(endedBy));
  void sendEvents(res, stream).catch((error: unknown) => {
    deps.logger.error('stream.failed', error, { request_id: ctx.state.requestId });
    res.destroy();
  });
}

async function sendEvents(
  res: ServerResponse,
  { subscription, sending }: CountedStream,
): Promise<void> {
  const isOpen = (): boolean => !res.destroyed && !res.writableEnded;
  while (isOpen()) {
    const events = await subscription.next();
    if (events.length > 0 && isOpen()) await sending(() => write(res, events.map(toText).join('')));
    if (subscription.hasEnded() && isOpen()) {
      await sending(() => new Promise<void>((resolve) => res.end(endText('run_ended'), resolve)));
    }
  }
}

async function write(res: ServerResponse, text: string): Promise<void> {
  if (res.write(text) || res.destroyed) return;
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(res, 'drain', { signal }), once(res, 'close', { signal })]).finally(() =>
    done.abort(),
  );
}

const toText = ({ id, event, json }: LiveEvent): string =>
  `id: ${id}\nevent: ${event.type}\ndata: ${json}\n\n`;

const endText = (reason: StreamEnd['reason']): string =>
  `retry: ${RETRY_ENDED_MS}\nevent: stream.end\ndata: ${JSON.stringify({ reason })}\n\n`;

/** Of an api that stops nothing is said: its clients come back at once, to another one. */
const lastWords = (reason: EndReason): string => (reason === 'key_ended' ? endText(reason) : '');
