import type Router from '@koa/router';
import { hasLiveWorker } from '../../src/storage/workers.ts';
import type { ApiDeps } from '../app.ts';
import type { AosState } from '../state.ts';

const WORKER_BEAT_MS = 15_000;
const SERVICE = 'aos';

/** Whether this process answers, and whether all that a run needs does. Public. */
export function addHealthRoutes(
  router: Router<AosState>,
  { pool, engine, version }: ApiDeps,
): void {
  router.get(['/health', '/healthz'], (ctx) => {
    ctx.body = {
      status: 'healthy',
      service: SERVICE,
      version,
      timestamp: new Date().toISOString(),
    };
  });
  router.get('/version', (ctx) => {
    ctx.body = { service: SERVICE, version };
  });
  router.get('/health/ready', async (ctx) => {
    const [postgres, temporal, worker] = await Promise.all([
      answers(() => pool.query('SELECT 1')),
      answers(() => engine.namespaceId()),
      hasLiveWorker(pool, WORKER_BEAT_MS).catch(() => false),
    ]);
    const ready = postgres && temporal && worker;
    ctx.status = ready ? 200 : 503;
    ctx.body = {
      status: ready ? 'ready' : 'not_ready',
      parts: { postgres, temporal, worker },
      ...(!ready && { detail: missing({ postgres, temporal, worker }) }),
      timestamp: new Date().toISOString(),
    };
  });
}

const answers = async (question: () => Promise<unknown>): Promise<boolean> =>
  question().then(
    () => true,
    () => false,
  );

const missing = (parts: Record<string, boolean>): string =>
  `No answer from: ${Object.keys(parts)
    .filter((name) => !parts[name])
    .join(', ')}.`;
