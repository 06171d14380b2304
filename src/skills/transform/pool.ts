import { Piscina } from 'piscina';
import type { FailureCode } from '../../contracts/failure-codes.ts';
import type { Json } from '../../contracts/json.ts';
import {
  OUTPUT_BYTES_MAX,
  TRANSFORMS_WAITING_MAX,
  TRANSFORM_DEPTH_MAX,
  TRANSFORM_QUICK_MS,
} from '../../contracts/limits.ts';

export interface TransformRequest {
  /** `quick` answers `busy` rather than wait, and stops after TRANSFORM_QUICK_MS. */
  lane: 'quick' | 'slow';
  query: string;
  /** The data, as JSON text. */
  inputText: string;
  tenantId: string;
  /** Counts from when a thread starts on the program, not while it waits for one. */
  timeoutMs: number;
  signal: AbortSignal;
}

export type TransformOutcome =
  | { kind: 'output'; output: Json }
  | { kind: 'failure'; code: FailureCode; message: string }
  | { kind: 'timeout' }
  | { kind: 'busy' }
  | { kind: 'aborted'; computedMs: number };

export interface TransformPool {
  run(request: TransformRequest): Promise<TransformOutcome>;
  /** Ends what runs and waits; what is asked later is answered with `aborted`. */
  stop(): Promise<void>;
}

export interface TransformPoolOptions {
  /** @default 1 */
  quickThreads?: number;
  /** @default 2 */
  slowThreads?: number;
  /** Programs that may wait per lane; more are answered with `busy`. @default TRANSFORMS_WAITING_MAX */
  waitingMax?: number;
  /** Told why a thread died by itself; the tenant is told only that it did. @default nothing is done */
  onCrash?: (error: unknown) => void;
}

interface LaneOptions {
  threads: number;
  waitingMax: number;
  onCrash: (error: unknown) => void;
  waitMsMax?: number;
  deadlineMsMax?: number;
}

interface Job {
  request: TransformRequest;
  /** Shared with the thread: 0 waiting, 1 started, 2 given up. Whoever leaves 0 first wins. */
  state: Int32Array;
  kill: AbortController;
  startedAt: number | undefined;
  timer: NodeJS.Timeout | undefined;
  settle(outcome: TransformOutcome): void;
}

type WorkerReply =
  | { kind: 'text'; text: string }
  | { kind: 'failure'; code: FailureCode; message: string }
  | { kind: 'given_up' };

const WAITING = 0;
const GIVEN_UP = 2;
const LONE_SURROGATE =
  /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\[^]/g;

/**
 * Runs jq programs of tenants who do not trust each other in threads that can be killed.
 * Numbers are as precise as JavaScript's; jq turns a lone surrogate in the data into U+FFFD.
 */
export function createTransformPool(options: TransformPoolOptions = {}): TransformPool {
  const {
    quickThreads = 1,
    slowThreads = 2,
    waitingMax = TRANSFORMS_WAITING_MAX,
    onCrash = () => {},
  } = options;
  const lanes = {
    quick: createLane({
      threads: quickThreads,
      waitingMax,
      onCrash,
      waitMsMax: TRANSFORM_QUICK_MS,
      deadlineMsMax: TRANSFORM_QUICK_MS,
    }),
    slow: createLane({ threads: slowThreads, waitingMax, onCrash }),
  };
  return {
    async run(request) {
      if (request.query.includes('\0')) {
        const message =
          'The jq program contains a NUL character. Remove it, or write \\u0000 inside a string.';
        return { kind: 'failure', code: 'TRANSFORM_QUERY_INVALID', message };
      }
      return lanes[request.lane].run(request);
    },
    async stop() {
      await Promise.all([lanes.quick.stop(), lanes.slow.stop()]);
    },
  };
}

function createLane(options: LaneOptions) {
  const { threads, waitingMax, waitMsMax, deadlineMsMax = Infinity, onCrash } = options;
  // With more than one thread, a tenant never has them all: a program cannot be interrupted to let another in.
  const threadsPerTenant = Math.max(1, threads - 1);
  const waiting = createFairQueue();
  const open = new Set<Job>();
  const dispatched = new Map<number, Job>();
  let nextId = 0;
  let stopped = false;
  let piscina: Piscina | undefined;

  function startThreads(): Piscina {
    const created = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      name: 'runTransform',
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      // Without atomics a waiting thread sleeps in its event loop instead of blocking it.
      atomics: 'disabled',
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32 },
    });
    created.on('message', (message: { started: number }) => onStarted(message.started));
    // A thread that dies before it is ready belongs to no program: those that wait for it must not wait forever.
    created.on('error', (error) => {
      onCrash(error);
      for (const job of dispatched.values()) if (job.startedAt === undefined) job.kill.abort();
    });
    return created;
  }

  function onStarted(id: number): void {
    const job = dispatched.get(id);
    if (job === undefined || !open.has(job)) return;
    job.startedAt = performance.now();
    clearTimeout(job.timer);
    const deadlineMs = Math.min(job.request.timeoutMs, deadlineMsMax);
    job.timer = setTimeout(() => giveUp(job, { kind: 'timeout' }), deadlineMs);
  }

  function giveUp(job: Job, outcome: TransformOutcome): void {
    waiting.remove(job);
    if (Atomics.compareExchange(job.state, 0, WAITING, GIVEN_UP) !== WAITING) job.kill.abort();
    job.settle(outcome);
  }

  function dispatchNext(): void {
    while (!stopped && dispatched.size < threads) {
      const running = [...dispatched.values()].map((job) => job.request.tenantId);
      const job = waiting.take(
        (tenantId) => running.filter((id) => id === tenantId).length < threadsPerTenant,
      );
      if (job === undefined) return;
      void runOnThread(job);
    }
  }

  async function runOnThread(job: Job): Promise<void> {
    const id = nextId++;
    dispatched.set(id, job);
    piscina ??= startThreads();
    job.settle(await callThread(piscina, job, id, onCrash));
    dispatched.delete(id);
    dispatchNext();
  }

  return {
    run(request: TransformRequest): Promise<TransformOutcome> {
      if (stopped || request.signal.aborted)
        return Promise.resolve({ kind: 'aborted', computedMs: 0 });
      if (waiting.size() >= waitingMax) return Promise.resolve({ kind: 'busy' });
      return new Promise((resolve) => {
        const onAbort = () => giveUp(job, toAborted(job));
        const job: Job = {
          request,
          state: new Int32Array(new SharedArrayBuffer(4)),
          kill: new AbortController(),
          startedAt: undefined,
          timer:
            waitMsMax === undefined
              ? undefined
              : setTimeout(() => giveUp(job, { kind: 'busy' }), waitMsMax),
          settle(outcome) {
            if (!open.delete(job)) return;
            clearTimeout(job.timer);
            request.signal.removeEventListener('abort', onAbort);
            resolve(outcome);
          },
        };
        open.add(job);
        request.signal.addEventListener('abort', onAbort);
        waiting.add(job);
        dispatchNext();
      });
    },
    async stop(): Promise<void> {
      stopped = true;
      for (const job of open) giveUp(job, toAborted(job));
      await piscina?.destroy();
    },
  };
}

const toAborted = ({ startedAt }: Job): TransformOutcome => ({
  kind: 'aborted',
  computedMs: startedAt === undefined ? 0 : performance.now() - startedAt,
});

async function callThread(
  piscina: Piscina,
  job: Job,
  id: number,
  onCrash: (error: unknown) => void,
): Promise<TransformOutcome> {
  const { query, inputText } = job.request;
  try {
    const input = new TextEncoder().encode(withoutLoneSurrogates(inputText));
    const task = { id, state: job.state, query, input, outputBytesMax: OUTPUT_BYTES_MAX };
    const options = { signal: job.kill.signal, transferList: [input.buffer] };
    return fromReply((await piscina.run(task, options)) as WorkerReply);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const message = 'The jq program and its data do not fit in a thread. Give it less data.';
      return { kind: 'failure', code: 'TRANSFORM_OUT_OF_MEMORY', message };
    }
    const isOurDoing = job.kill.signal.aborted || Atomics.load(job.state, 0) === GIVEN_UP;
    if (!isOurDoing) onCrash(error);
    return {
      kind: 'failure',
      code: 'SKILL_CRASHED',
      message: 'The thread of the jq program ended unexpectedly.',
    };
  }
}

function fromReply(reply: WorkerReply): TransformOutcome {
  if (reply.kind === 'failure') return reply;
  if (reply.kind === 'given_up') return { kind: 'aborted', computedMs: 0 };
  try {
    return { kind: 'output', output: JSON.parse(reply.text) as Json };
  } catch {
    // jq writes no valid JSON in one case only: too deep it leaves a remark instead of the value.
    const message = `The jq program failed: its output nests deeper than ${TRANSFORM_DEPTH_MAX} levels. Return a flatter value.`;
    return { kind: 'failure', code: 'TRANSFORM_FAILED', message };
  }
}

/** jq refuses JSON text with half a surrogate pair, which is ordinary in the bodies of other people's servers. */
const withoutLoneSurrogates = (text: string): string =>
  /\\u[dD][89a-fA-F]/.test(text)
    ? text.replace(LONE_SURROGATE, (found) => (/^\\u[dD].{3}$/.test(found) ? '\\ufffd' : found))
    : text;

/** First in, first out for each tenant; the tenants take turns. */
function createFairQueue() {
  const byTenant = new Map<string, Set<Job>>();
  let size = 0;
  return {
    size: () => size,
    add(job: Job): void {
      const jobs = byTenant.get(job.request.tenantId) ?? new Set();
      byTenant.set(job.request.tenantId, jobs.add(job));
      size += 1;
    },
    take(mayRun: (tenantId: string) => boolean): Job | undefined {
      for (const [tenantId, jobs] of byTenant) {
        const [job] = jobs;
        if (job === undefined || !mayRun(tenantId)) continue;
        this.remove(job);
        // The tenant goes to the end of the line.
        if (byTenant.delete(tenantId)) byTenant.set(tenantId, jobs);
        return job;
      }
      return undefined;
    },
    remove(job: Job): void {
      const jobs = byTenant.get(job.request.tenantId);
      if (jobs?.delete(job) !== true) return;
      size -= 1;
      if (jobs.size === 0) byTenant.delete(job.request.tenantId);
    },
  };
}
