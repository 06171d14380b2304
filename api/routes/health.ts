import { createFailure } from '../../src/contracts/failures.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { hasLiveWorker } from '../../src/storage/workers.ts';
import type { ApiDeps } from '../deps.ts';
import type { SYSTEM_ROUTES } from '../../src/contracts/routes/system.ts';
import type { Handlers } from '../handlers.ts';

const WORKER_BEAT_MS = 15_000;
const SERVICE = 'aos';

/** Whether this process answers, and whether all that a run needs does. Public. */
export const createHealthHandlers = ({
  pool,
  engine,
  rates,
  version,
}: ApiDeps): Handlers<Pick<typeof SYSTEM_ROUTES, 'getHealth' | 'getReadiness' | 'getVersion'>> => ({
  getHealth(ctx) {
    ctx.body = {
      status: 'healthy',
      service: SERVICE,
      version,
      timestamp: new Date().toISOString(),
      rate_limits: rates.state(),
    };
  },
  getVersion(ctx) {
    ctx.body = { service: SERVICE, version };
  },
  async getReadiness(ctx) {
    const [postgres, temporal, worker] = await Promise.all([
      answers(() => pool.query('SELECT 1')),
      answers(() => engine.namespaceId()),
      hasLiveWorker(pool, WORKER_BEAT_MS).catch(() => false),
    ]);
    const ready = postgres && temporal && worker;
    ctx.status = ready ? 200 : 503;
    ctx.body = {
      parts: { postgres, temporal, worker },
      ...(!ready && explain({ postgres, temporal, worker }, ctx.state.requestId)),
      status: ready ? 'ready' : 'not_ready',
      timestamp: new Date().toISOString(),
      // Limits hold without Redis, so its loss is told and no reason to take no more requests.
      rate_limits: rates.state(),
    };
  },
});

const answers = async (question: () => Promise<unknown>): Promise<boolean> =>
  question().then(
    () => true,
    () => false,
  );

/** The failure object, but for `status`, which here is a word. */
function explain(parts: Record<string, boolean>, requestId: string): Omit<Failure, 'status'> {
  const missing = Object.keys(parts).filter((name) => !parts[name]);
  const { status: _, ...failure } = createFailure(
    'SERVICE_UNAVAILABLE',
    `No answer from: ${missing.join(', ')}.`,
  );
  return { ...failure, request_id: requestId };
}
