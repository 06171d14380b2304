import type { COMPAT_ROUTES } from '../../src/contracts/routes/compat.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { createAgentRunHandlers } from './agent-runs.ts';
import { createCostsimHandlers } from './costsim.ts';
import { createRecallHandlers } from './recall.ts';
import { createRecoveryHandlers } from './recovery.ts';

/** All that is kept for clients of the earlier AOS alone. */
export const createCompatHandlers = (deps: ApiDeps): Handlers<typeof COMPAT_ROUTES> => ({
  ...createAgentRunHandlers(deps),
  ...createRecallHandlers(deps),
  ...createRecoveryHandlers(deps),
  ...createCostsimHandlers(deps),
});
