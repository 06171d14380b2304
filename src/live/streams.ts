import { AosError } from '../contracts/failures.ts';
import type { StreamEnd } from '../contracts/live.ts';
import {
  STREAM_PING_MS,
  STREAM_STALLED_MS_MAX,
  STREAMS_MAX,
  STREAMS_PER_KEY_MAX,
  STREAMS_PER_TENANT_MAX,
} from '../contracts/limits.ts';

/** How often every stream is looked at: its key, its ping, whether its client still takes anything. */
const LOOK_MS = 1000;
const RETRY_MS = 5000;

export interface StreamLimits {
  streamsMax: number;
  perTenantMax: number;
  perKeyMax: number;
  pingMs: number;
  stalledMsMax: number;
}

/** An open stream, as what looks after all of them knows it. */
export interface OpenStream {
  tenantId: string;
  keyId: string;
  /** Rejects with an AosError when its key may not read this any more. */
  checkKey(): Promise<void>;
  /** How long its client has taken nothing of what it is sent; 0 when nothing waits for it. */
  stalledMs(): number;
  /** Lets it say that it is there, if it has said nothing for so long. */
  tick(pingMs: number): void;
  end(reason: StreamEnd['reason'] | 'api_stops' | 'client_stalled'): void;
}

/** The open streams of this process, and what ends them. */
export interface Streams {
  /** Answers what is to be called when the stream has closed. Errors: STREAMS_EXCEEDED. */
  add(stream: OpenStream): () => void;
  endAll(): void;
  stop(): Promise<void>;
}

export function createStreams({
  streamsMax = STREAMS_MAX,
  perTenantMax = STREAMS_PER_TENANT_MAX,
  perKeyMax = STREAMS_PER_KEY_MAX,
  pingMs = STREAM_PING_MS,
  stalledMsMax = STREAM_STALLED_MS_MAX,
}: Partial<StreamLimits> = {}): Streams {
  const open = new Set<OpenStream>();
  const ofTenants = createCounts();
  const ofKeys = createCounts();

  const look = async (stream: OpenStream): Promise<void> => {
    if (stream.stalledMs() > stalledMsMax) return stream.end('client_stalled');
    try {
      await stream.checkKey();
    } catch (error) {
      // While Postgres is away nobody knows, and nothing is sent either.
      if (error instanceof AosError && error.failure.status < 500) return stream.end('key_ended');
    }
    stream.tick(pingMs);
  };
  const timer = setInterval(() => {
    for (const stream of open) void look(stream);
  }, LOOK_MS);

  return {
    add(stream) {
      const { tenantId, keyId } = stream;
      if (ofKeys.of(keyId) >= perKeyMax)
        throw exceeded('streams_per_key_max', 'This key', perKeyMax);
      if (ofTenants.of(tenantId) >= perTenantMax)
        throw exceeded('streams_per_tenant_max', 'The tenant', perTenantMax);
      if (open.size >= streamsMax) throw exceeded('streams_max', 'This api process', streamsMax);
      open.add(stream);
      ofTenants.add(tenantId, 1);
      ofKeys.add(keyId, 1);
      return () => {
        if (!open.delete(stream)) return;
        ofTenants.add(tenantId, -1);
        ofKeys.add(keyId, -1);
      };
    },
    endAll() {
      for (const stream of open) stream.end('api_stops');
    },
    async stop() {
      clearInterval(timer);
      this.endAll();
    },
  };
}

/** Counts by name; a name that has none is kept no longer. */
function createCounts() {
  const counts = new Map<string, number>();
  const of = (name: string): number => counts.get(name) ?? 0;
  return {
    of,
    add(name: string, by: number): void {
      const count = of(name) + by;
      if (count === 0) counts.delete(name);
      else counts.set(name, count);
    },
  };
}

const exceeded = (name: string, whose: string, value: number): AosError =>
  new AosError(
    'STREAMS_EXCEEDED',
    `${whose} has ${value} open streams of events, and may have no more.`,
    {
      retry_after_ms: RETRY_MS,
      limit: { name, value, asked: value + 1 },
    },
  );
