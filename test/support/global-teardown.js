import { rm } from 'node:fs/promises';

/** Stops what the setup has started, and nothing else. */
export default async function stopServers() {
  const { postgres, temporal, dataDir } = globalThis.aosTestServers;
  await Promise.all([postgres.stop(), temporal.stop()]);
  await rm(dataDir, { recursive: true, force: true });
}
