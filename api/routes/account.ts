import { TopUp, UpdateAccount } from '../../src/contracts/account.ts';
import type { ToppedUp, UpdatedAccount } from '../../src/contracts/account.ts';
import type { Json } from '../../src/contracts/json.ts';
import type { ACCOUNT_ROUTES } from '../../src/contracts/routes/account.ts';
import { topUpAccount } from '../../src/account/top-up-account.ts';
import { updateAccount } from '../../src/account/update-account.ts';
import { loadTenantAccount } from '../../src/account/view-account.ts';
import { hashBody } from '../../src/runs/body-hash.ts';
import { viewEntry } from '../../src/runs/view-ledger.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { idempotencyKeyOf } from '../requests/idempotency-key.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

/** The tenant's own money and settings. */
export const createAccountHandlers = ({
  pool,
}: ApiDeps): Handlers<Omit<typeof ACCOUNT_ROUTES, 'listAudit'>> => ({
  async getAccount(ctx) {
    ctx.body = await loadTenantAccount(pool, ctx.state.key.tenant_id);
  },

  async updateAccount(ctx) {
    const actor = actorOf(ctx);
    const { value, warnings } = parseBody(UpdateAccount, await readJson(ctx.req));
    await updateAccount(pool, actor, value);
    const body: UpdatedAccount = { ...(await loadTenantAccount(pool, actor.tenantId)), warnings };
    ctx.body = body;
  },

  async topUpAccount(ctx) {
    const actor = actorOf(ctx);
    const body = await readJson(ctx.req);
    const { value, warnings } = parseBody(TopUp, body);
    const key = idempotencyKeyOf(ctx, value.idempotency_key);
    const once = key === undefined ? undefined : { key, bodyHash: hashOf(body) };
    const { entry, replayed } = await topUpAccount(pool, actor, value, once);
    const answer: ToppedUp = {
      account: await loadTenantAccount(pool, actor.tenantId),
      transaction: viewEntry(entry),
      warnings,
    };
    if (replayed) ctx.set('Idempotency-Replayed', 'true');
    ctx.status = replayed ? 200 : 201;
    ctx.body = answer;
  },
});

const hashOf = (body: Json): Buffer => hashBody({ operation: 'topUpAccount', body });
