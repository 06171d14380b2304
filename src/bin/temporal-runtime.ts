import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { runFailedMessage } from '../contracts/messages.ts';
import { findFreePort } from '../embedded/free-port.ts';
import type { Logger } from '../telemetry/logger.ts';

const INSTALLS_MAX = 5;
const READ_MS_MAX = 1_000;
/** Said of the worker that delivers webhooks, whose workflows are the other one's; the SDK gives no code for it. */
const NO_WORKFLOWS = 'No workflows registered, not polling for workflow tasks';

/**
 * Sets up what a process may set up once: Temporal's log, and its metrics on a port of this machine. Answers what reads
 * these metrics, as text.
 */
export async function installTemporalRuntime(logger: Logger): Promise<() => Promise<string>> {
  for (let installs = 1; ; installs += 1) {
    const bindAddress = `127.0.0.1:${await findFreePort()}`;
    try {
      install(logger, bindAddress);
    } catch (error) {
      // Somebody else may have taken the port since it was free.
      if (installs < INSTALLS_MAX) continue;
      throw error;
    }
    return async () => {
      const signal = AbortSignal.timeout(READ_MS_MAX);
      const response = await fetch(`http://${bindAddress}/metrics`, { signal });
      if (!response.ok) throw new Error(`Temporal's metrics answered ${response.status}`);
      return response.text();
    };
  }
}

function install(logger: Logger, bindAddress: string): void {
  Runtime.install({
    // Signals are ours to handle: the worker stops before the pool that its activities write to.
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // A run that has failed fails its workflow, which is how it should be; its end is logged as such.
      if (isFailedRun(meta?.['error']) || message === NO_WORKFLOWS) return;
      const fields = { execution: String(meta?.['workflowId'] ?? '') };
      if (level === 'ERROR') logger.error('temporal', message, fields);
      else logger.warn('temporal', { message, ...fields });
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      metrics: {
        prometheus: {
          bindAddress,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      },
    },
  });
}

const RUN_FAILED: ReadonlySet<string> = new Set(Object.keys(FAILURE_CODES).map(runFailedMessage));

/** The error has come out of the workflows' own thread, on which way it lost all but its message. */
const isFailedRun = (error: unknown): boolean =>
  error instanceof Error && RUN_FAILED.has(error.message);
