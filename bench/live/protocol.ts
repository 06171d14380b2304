export type Form = 'sse' | 'websocket';

/** What the process of the clients is told to do. */
export type Command =
  | { kind: 'open'; form: Form; baseUrl: string; paths: string[]; key: string }
  | { kind: 'receive'; count: number }
  | { kind: 'close' };

/** From the begin of the transaction that wrote an event to its receipt. */
export interface Delays {
  count: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export type Told =
  | { kind: 'done' }
  | { kind: 'delays'; delays: Delays }
  | { kind: 'failed'; reason: string };
