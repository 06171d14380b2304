import { rm } from 'node:fs/promises';

const LOG_SHOWN = 4_000;

interface Bench {
  world: { log: string[]; stop(): Promise<void> };
  run: () => Promise<void>;
  /** Where profiles go, if any are made, and how they are told. */
  profiles?: { dir: string; report: (dir: string) => Promise<string> } | undefined;
}

/** Runs a bench, stops its servers, reports what they have profiled, and exits; an error is told with the end of their log. */
export async function runToEnd({ world, run, profiles }: Bench): Promise<never> {
  const failed = await run().then(
    () => false,
    (error: unknown) => {
      console.error(world.log.join('').slice(-LOG_SHOWN));
      console.error(error);
      return true;
    },
  );
  await world.stop();
  if (profiles !== undefined) {
    // Node writes a profile when its process ends.
    if (!failed) console.log(`\n${await profiles.report(profiles.dir)}`);
    await rm(profiles.dir, { recursive: true });
  }
  process.exit(failed ? 1 : 0);
}
