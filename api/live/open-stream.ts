import type { OpenStream } from '../../src/live/streams.ts';
import type { Subscription } from '../../src/live/subscription.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';
import { checkReaderAgain } from './event-reader.ts';
import type { EventReader } from './event-reader.ts';

export type EndReason = Parameters<OpenStream['end']>[0];

/** How a stream speaks to its client; of a client that is gone, nothing needs to be heard. */
export interface Sink {
  ping(): void;
  /** How long its pings have had no answer, where they are answered. */
  silentMs?(): number;
  /** Ends it; at once where the client takes nothing. */
  end(reason: EndReason): void;
}

/** A stream that counts as open until it is closed. */
export interface CountedStream {
  subscription: Subscription;
  reader: EventReader;
  /** Around everything that is sent: while it has not gone out, the client takes nothing. */
  sending: <T>(work: () => Promise<T>) => Promise<T>;
  close(): void;
}

/** Opens a stream within the limits, watched until it is closed. Errors: STREAMS_EXCEEDED, and those of Postgres. */
export async function openStream(
  ctx: AosContext,
  { live, streams, logger, closing }: ApiDeps,
  reader: EventReader,
  sink: Sink,
): Promise<CountedStream> {
  const { key, requestId } = ctx.state;
  const openedMs = performance.now();
  let sendingSinceMs: number | undefined;
  let spokeMs = openedMs;
  let reason: EndReason | 'closed' = 'closed';
  let subscription: Subscription | undefined;
  const remove = streams.add({
    tenantId: key.tenant_id,
    keyId: key.id,
    checkKey: () => checkReaderAgain(ctx, key.agent_id),
    stalledMs: () =>
      Math.max(
        sendingSinceMs === undefined ? 0 : performance.now() - sendingSinceMs,
        sink.silentMs?.() ?? 0,
      ),
    tick(pingMs) {
      if (sendingSinceMs !== undefined || performance.now() - spokeMs < pingMs) return;
      spokeMs = performance.now();
      sink.ping();
    },
    end(why) {
      reason = why;
      sink.end(why);
    },
  });
  try {
    subscription = await live.subscribe(reader.scope, reader);
  } catch (error) {
    remove();
    throw error;
  }
  const opened = subscription;
  if (closing.aborted) sink.end('api_stops');
  return {
    subscription: opened,
    reader,
    async sending(work) {
      sendingSinceMs = performance.now();
      try {
        return await work();
      } finally {
        sendingSinceMs = undefined;
        spokeMs = performance.now();
      }
    },
    close() {
      remove();
      opened.close();
      logger.info('stream.closed', {
        request_id: requestId,
        tenant_id: key.tenant_id,
        key_id: key.id,
        reason,
        duration_ms: Math.round(performance.now() - openedMs),
      });
    },
  };
}
