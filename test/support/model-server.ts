import { fileURLToPath } from 'node:url';
import { startChild } from '../../src/embedded/child.ts';
import { findModelParts } from './model-parts.ts';

const CACHE = fileURLToPath(new URL('../../.aos/cache', import.meta.url));
const SCRIPT = fileURLToPath(new URL('model-server.py', import.meta.url));
const READY_MS_MAX = 60_000;
/** For a beforeAll: two wheels may have to be fetched first. */
export const MODEL_START_MS_MAX = 1_300_000;

export interface ModelServer {
  /** `http://127.0.0.1:PORT/v1` */
  url: string;
  pid: number;
  /** Settles when the server has ended, asked or not. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

/** A real model, `smollm2` with a context of 2048 tokens, on a server of its own. Rejects with the reason and the way out. */
export async function startModelServer(options: { apiKey?: string } = {}): Promise<ModelServer> {
  const { packages, weights } = await findModelParts(CACHE, (text) =>
    process.stderr.write(`${text}\n`),
  );
  let announce: (url: string) => void;
  const announced = new Promise<string>((resolve) => {
    announce = resolve;
  });
  const child = await startChild(
    {
      file: 'python3',
      args: [SCRIPT, weights, ...(options.apiKey ? ['--api-key', options.apiKey] : [])],
      cwd: CACHE,
      env: { ...process.env, PYTHONPATH: packages } as Record<string, string>,
      onLog: (text) => {
        const url = /^The model answers on (\S+)/.exec(text)?.[1];
        if (url !== undefined) announce(url);
      },
    },
    [{ signal: 'SIGTERM', waitMs: 5000 }],
  );
  const timer = setTimeout(() => void child.stop(), READY_MS_MAX);
  const url = await Promise.race([announced, child.exited]).finally(() => clearTimeout(timer));
  const isHealthy = url && (await fetch(new URL('/health', url)).catch(() => undefined))?.ok;
  if (!url || !isHealthy) {
    await child.stop();
    throw new Error(
      `The model server did not start: ${child.lastLines()}. It needs Python 3.10 or later as python3.`,
    );
  }
  return { url, pid: child.pid, exited: child.exited, stop: () => child.stop() };
}
