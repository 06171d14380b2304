import { rm } from 'node:fs/promises';

const LOG_SHOWN = 4_000;

interface Bench {
  world: { log: string[]; stop(): Promise<void> };
  run: () => Promise<void>;
  /** Where profiles go, if any are made. */
  profileDir: string | undefined;
  reportProfiles: (dir: string) => Promise<string>;
}

/** Runs a bench, stops its servers, reports what they have profiled, and exits; an error is told with the end of their log. */
export async function runToEnd({ world, run, profileDir, reportProfiles }: Bench): Promise<never> {
  const failed = await run().then(
    () => false,
    (error: unknown) => {
      console.error(world.log.join('').slice(-LOG_SHOWN));
      console.error(error);
      return true;
    },
  );
  await world.stop();
  if (profileDir !== undefined) {
    // Node writes a profile when its process ends.
    if (!failed) console.log(`\n${await reportProfiles(profileDir)}`);
    await rm(profileDir, { recursive: true });
  }
  process.exit(failed ? 1 : 0);
}
