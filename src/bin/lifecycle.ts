import { ConfigError, readConfig } from '../config.ts';
import type { Config } from '../config.ts';

const FORCE_EXIT_MS = 14_000;

/** Reads the settings, or ends the process with every problem, one a line. */
export function readConfigOrExit(): Readonly<Config> {
  try {
    const config = readConfig();
    // A supervisor has said it already.
    if (!process.send) for (const warning of config.warnings) console.error(`warning: ${warning}`);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

/** Ends the process with one sentence for an operator. */
export function exitWith(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

/**
 * Stops once, on a signal or when the parent process is gone, and then exits; a second signal, or a stop that takes
 * too long, exits at once.
 */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), FORCE_EXIT_MS).unref();
    stop().then(() => process.exit(0), exitWith);
  };
  process.on('SIGINT', begin);
  process.on('SIGTERM', begin);
  process.on('disconnect', begin);
}

/** Tells a supervisor, if there is one, that this process does its work now. */
export const sayReady = (facts: Record<string, string> = {}): void => {
  process.send?.({ ready: true, ...facts });
};
