import type { Pool } from '../storage/pool.ts';
import { beatWorker, removeWorker } from '../storage/workers.ts';

const BEAT_MS = 5_000;

/** Keeps the worker's row fresh, by which others see that it is alive. */
export async function startBeating(
  pool: Pool,
  identity: string,
): Promise<{ stop(): Promise<void> }> {
  await beatWorker(pool, identity);
  // A missed beat is made up for by the next one.
  const timer = setInterval(() => void beatWorker(pool, identity).catch(() => {}), BEAT_MS);
  return {
    async stop() {
      clearInterval(timer);
      await removeWorker(pool, identity).catch(() => {});
    },
  };
}
