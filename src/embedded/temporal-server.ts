import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AosError } from '../contracts/failures.ts';
import type { Child } from './child.ts';
import { findFreePorts, isListening, isPortFree } from './free-port.ts';
import { endOf } from './run-program.ts';
import { namespaceAnswers } from './temporal-namespace.ts';
import { recordTemporal, stopTemporalOrphan } from './temporal-orphan.ts';
import { startTemporalProcess } from './temporal-process.ts';
import type { TemporalPorts } from './temporal-process.ts';

const READY_MS_MAX = 60_000;
const POLL_MS = 50;
/** A port that was free may be taken before the server listens on it. */
const TRIES_MAX = 3;
export interface TemporalServerOptions {
  /** The path of a Temporal CLI. */
  program: string;
  dataDir: string;
  /** @default a free port */
  port?: number | undefined;
  /** @default a free port */
  uiPort?: number | undefined;
  namespace: string;
  onLog: (text: string) => void;
}

export interface TemporalServer {
  address: string;
  uiUrl: string;
  pid: number;
  /** Settles when the server has ended, asked or not. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

/** Starts the Temporal dev server of a data folder; one that a killed parent left behind is stopped first. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const dataDir = resolve(options.dataDir);
  const databaseFile = join(dataDir, 'temporal.sqlite');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await stopTemporalOrphan(dataDir, databaseFile);
  await assertFree(options.port, 'AOS_TEMPORAL_PORT');
  await assertFree(options.uiPort, 'TEMPORAL_UI_PORT');

  for (let tries = 1; ; tries += 1) {
    const ports = await choosePorts(options);
    const child = await startTemporalProcess({ ...options, dataDir, databaseFile }, ports);
    try {
      await recordTemporal(dataDir, child.pid);
      await waitUntilReady(child, options, ports.port);
    } catch (error) {
      const endedByItself = child.hasExited();
      await child.stop();
      if (endedByItself && tries < TRIES_MAX) continue;
      throw error;
    }
    return {
      address: `127.0.0.1:${ports.port}`,
      uiUrl: `http://127.0.0.1:${ports.uiPort}`,
      pid: child.pid,
      exited: child.exited,
      stop: () => child.stop(),
    };
  }
}

async function assertFree(port: number | undefined, variable: string): Promise<void> {
  if (port === undefined || (await isPortFree(port))) return;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `Port ${port} of 127.0.0.1 is busy, so Temporal cannot listen there. Stop what uses it, or set ` +
      `${variable} to a free port.`,
  );
}

async function choosePorts({ port, uiPort }: TemporalServerOptions): Promise<TemporalPorts> {
  const [first, second, metricsPort, httpPort] = await findFreePorts(4);
  return {
    port: port ?? first!,
    uiPort: uiPort ?? second!,
    metricsPort: metricsPort!,
    httpPort: httpPort!,
  };
}

async function waitUntilReady(
  child: Child,
  { program, namespace }: TemporalServerOptions,
  port: number,
): Promise<void> {
  const deadline = Date.now() + READY_MS_MAX;
  while (!child.hasExited() && Date.now() < deadline) {
    // The port opens first; asking the namespace before that costs a process for nothing.
    const isOpen = await isListening(port);
    if (isOpen && (await namespaceAnswers(program, `127.0.0.1:${port}`, namespace))) return;
    await delay(POLL_MS);
  }
  if (child.hasExited()) await child.exited;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `Temporal did not start: ${endOf(child.lastLines()) || `no answer in ${READY_MS_MAX} ms`}. If its ` +
      'database was made by a newer Temporal, use that one (TEMPORAL_CLI) or another data folder.',
  );
}
