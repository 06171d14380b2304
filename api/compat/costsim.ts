import type { CostsimStatus } from '../../src/contracts/compat.ts';
import { ROUTES } from '../../src/contracts/routes.ts';
import type { COMPAT_ROUTES } from '../../src/contracts/routes/compat.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';

/** What simulations take their costs from. */
export const createCostsimHandlers = ({
  priceTableVersion,
}: ApiDeps): Handlers<Pick<typeof COMPAT_ROUTES, 'getCostsimStatus'>> => ({
  getCostsimStatus(ctx) {
    const { method, path } = ROUTES.simulatePlan;
    const body: CostsimStatus = {
      status: 'ok',
      basis: 'contract',
      price_table_version: priceTableVersion,
      simulate: { method, path },
    };
    ctx.body = body;
  },
});
