import type { WEBHOOK_DELIVERY_ROUTES } from '../../src/contracts/routes/webhook-deliveries.ts';
import { ReplayWebhook, WebhookDeliveryQuery } from '../../src/contracts/webhook-delivery.ts';
import type { ReplayedWebhook, WebhookDeliveryPage } from '../../src/contracts/webhook-delivery.ts';
import { listDeliveries } from '../../src/storage/webhook-deliveries.ts';
import type { WebhookRow } from '../../src/storage/webhooks.ts';
import { findDeliveryOf, findWebhook } from '../../src/webhooks/find-webhook.ts';
import {
  problemsOfReplay,
  replayDelivery,
  replayWebhook,
  testWebhook,
} from '../../src/webhooks/replay.ts';
import { viewDelivery, viewDeliveryDetail } from '../../src/webhooks/view-delivery.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { readCursor } from '../requests/cursor.ts';
import { toPage } from '../requests/page.ts';
import { parseBody, refused } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { parseQuery } from '../requests/run-query.ts';
import type { AosContext } from '../state.ts';

export function createDeliveryHandlers({
  pool,
}: ApiDeps): Handlers<typeof WEBHOOK_DELIVERY_ROUTES> {
  const webhookOf = (ctx: AosContext): Promise<WebhookRow> =>
    findWebhook(pool, ctx.state.key, ctx.params['webhook_id']!);

  return {
    async testWebhook(ctx) {
      const { id } = await webhookOf(ctx);
      ctx.status = 202;
      ctx.body = viewDelivery(await testWebhook(pool, actorOf(ctx), id));
    },

    async listWebhookDeliveries(ctx) {
      const { id, tenant_id: tenantId } = await webhookOf(ctx);
      const { status, limit, cursor } = parseQuery(WebhookDeliveryQuery, ctx.query);
      const rows = await listDeliveries(pool, tenantId, id, {
        status,
        after: cursor === undefined ? undefined : readCursor(cursor, 'delivery'),
        limit: limit + 1,
      });
      const body: WebhookDeliveryPage = toPage(rows, limit, viewDelivery);
      ctx.body = body;
    },

    async getWebhookDelivery(ctx) {
      const webhook = await webhookOf(ctx);
      const row = await findDeliveryOf(pool, webhook, ctx.params['delivery_id']!);
      ctx.body = await viewDeliveryDetail(pool, row);
    },

    async replayDelivery(ctx) {
      const { id } = await webhookOf(ctx);
      const row = await replayDelivery(pool, actorOf(ctx), id, ctx.params['delivery_id']!);
      ctx.status = 202;
      ctx.body = viewDelivery(row);
    },

    async replayWebhook(ctx) {
      const { id } = await webhookOf(ctx);
      const { value, warnings } = parseBody(ReplayWebhook, await readJson(ctx.req));
      const problems = problemsOfReplay(value);
      if (problems.length > 0) throw refused(problems);
      const body: ReplayedWebhook = {
        ...(await replayWebhook(pool, actorOf(ctx), id, value)),
        warnings,
      };
      ctx.status = 202;
      ctx.body = body;
    },
  };
}
