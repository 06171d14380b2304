import { startChild } from './child.ts';
import type { Child } from './child.ts';

const STOP_STEPS = [{ signal: 'SIGTERM' as const, waitMs: 10_000 }];
const SEARCH_ATTRIBUTES = ['AosTenant', 'AosStatus', 'AosAgent'];
/**
 * Without the poll rates every hop between two activities waits about 50 ms; without the interval a history that goes on
 * in a new one waits until a second has passed since it began.
 */
const DYNAMIC_CONFIG = {
  'system.enableActivityEagerExecution': true,
  'matching.enableFairness': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.visibilityProcessorMaxPollRPS': 500,
  'history.workflowIdReuseMinimalInterval': '"1ms"',
};

export interface TemporalPorts {
  port: number;
  uiPort: number;
  metricsPort: number;
  httpPort: number;
}

export interface TemporalProcessOptions {
  program: string;
  dataDir: string;
  databaseFile: string;
  namespace: string;
  onLog: (text: string) => void;
}

/** Starts the dev server program on its ports; it may end at once, with the reason in its last lines. */
export function startTemporalProcess(
  { program, dataDir, databaseFile, namespace, onLog }: TemporalProcessOptions,
  { port, uiPort, metricsPort, httpPort }: TemporalPorts,
): Promise<Child> {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)];
  args.push('--ui-port', String(uiPort), '--ui-disable-news-fetch');
  args.push('--metrics-port', String(metricsPort), '--http-port', String(httpPort));
  args.push('--log-level', 'warn', '--db-filename', databaseFile);
  args.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  args.push('--namespace', namespace);
  for (const name of SEARCH_ATTRIBUTES) args.push('--search-attribute', `${name}=Keyword`);
  for (const [name, value] of Object.entries(DYNAMIC_CONFIG))
    args.push('--dynamic-config-value', `${name}=${value}`);
  // HOME is where the CLI looks for a configuration of the person; the service must not depend on it.
  return startChild(
    { file: program, args, cwd: dataDir, env: { HOME: dataDir }, onLog },
    STOP_STEPS,
  );
}
