import type { Problem } from '../../src/contracts/failures.ts';
import type { WEBHOOK_ROUTES } from '../../src/contracts/routes/webhooks.ts';
import { PageQuery } from '../../src/contracts/run-query.ts';
import { CreateWebhook, RotateWebhookSecret, UpdateWebhook } from '../../src/contracts/webhook.ts';
import type { DeletedWebhook, SecretWebhook, WebhookPage } from '../../src/contracts/webhook.ts';
import { listWebhooks } from '../../src/storage/webhooks.ts';
import { problemsOfWebhook } from '../../src/webhooks/check-webhook.ts';
import { createWebhook } from '../../src/webhooks/create-webhook.ts';
import type { MadeWebhook } from '../../src/webhooks/create-webhook.ts';
import { deleteWebhook } from '../../src/webhooks/delete-webhook.ts';
import { findWebhook } from '../../src/webhooks/find-webhook.ts';
import { rotateWebhookSecret } from '../../src/webhooks/rotate-webhook-secret.ts';
import { updateWebhook } from '../../src/webhooks/update-webhook.ts';
import { viewWebhook, viewWebhookDetail } from '../../src/webhooks/view-webhook.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { readCursor } from '../requests/cursor.ts';
import { toPage } from '../requests/page.ts';
import { parseBody, refused } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { parseQuery } from '../requests/run-query.ts';
import type { AosContext } from '../state.ts';
import { createDeliveryHandlers } from './webhook-deliveries.ts';

export const createWebhookHandlers = (deps: ApiDeps): Handlers<typeof WEBHOOK_ROUTES> => ({
  ...createDeliveryHandlers(deps),

  async createWebhook(ctx) {
    const { value, warnings } = parseBody(CreateWebhook, await readJson(ctx.req));
    await refuseProblems(deps, ctx, value);
    const made = await createWebhook(deps, actorOf(ctx), value);
    ctx.status = 201;
    ctx.set('Location', `/api/v1/webhooks/${made.row.id}`);
    answerSecret(ctx, made, warnings);
  },

  async listWebhooks(ctx) {
    const { tenant_id: tenantId, agent_id: boundTo } = ctx.state.key;
    const { limit, cursor } = parseQuery(PageQuery, ctx.query);
    const rows = await listWebhooks(deps.pool, tenantId, {
      agentId: boundTo ?? undefined,
      after: cursor === undefined ? undefined : readCursor(cursor, 'webhook'),
      limit: limit + 1,
    });
    const body: WebhookPage = toPage(rows, limit, viewWebhook);
    ctx.body = body;
  },

  async getWebhook(ctx) {
    const row = await findWebhook(deps.pool, ctx.state.key, ctx.params['webhook_id']!);
    ctx.body = await viewWebhookDetail(deps.pool, row);
  },

  async updateWebhook(ctx) {
    const { id } = await findWebhook(deps.pool, ctx.state.key, ctx.params['webhook_id']!);
    const { value, warnings } = parseBody(UpdateWebhook, await readJson(ctx.req));
    await refuseProblems(deps, ctx, value);
    const row = await updateWebhook(deps.pool, actorOf(ctx), id, value);
    ctx.body = { ...viewWebhook(row), warnings };
  },

  async deleteWebhook(ctx) {
    const id = ctx.params['webhook_id']!;
    await deleteWebhook(deps.pool, actorOf(ctx), id);
    const body: DeletedWebhook = { id, deleted: true };
    ctx.body = body;
  },

  async rotateWebhookSecret(ctx) {
    const { id } = await findWebhook(deps.pool, ctx.state.key, ctx.params['webhook_id']!);
    const { value, warnings } = parseBody(RotateWebhookSecret, await readJson(ctx.req));
    answerSecret(ctx, await rotateWebhookSecret(deps, actorOf(ctx), id, value), warnings);
  },
});

async function refuseProblems(
  deps: ApiDeps,
  ctx: AosContext,
  asked: { url?: string | undefined; agent_id?: string | undefined },
): Promise<void> {
  const problems = await problemsOfWebhook(deps, ctx.state.key.tenant_id, asked);
  if (problems.length > 0) throw refused(problems);
}

function answerSecret(ctx: AosContext, { row, secret }: MadeWebhook, warnings: Problem[]): void {
  const body: SecretWebhook = { ...viewWebhook(row), secret, warnings };
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}
