import { uuidv7 } from 'uuidv7';
import { ENDPOINTS_PER_TENANT_MAX } from '../contracts/limits.ts';
import type { CreateWebhook } from '../contracts/webhook.ts';
import { toUrl } from '../skills/http/request.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { readEventsEnd } from '../storage/event-feed.ts';
import { withTransaction } from '../storage/pool.ts';
import { countWebhooks, insertWebhook } from '../storage/webhooks.ts';
import type { WebhookRow } from '../storage/webhooks.ts';
import type { WebhookDeps } from './deps.ts';
import { webhooksExceeded } from './failures.ts';
import { randomWebhookSecret, webhookSecretPlace } from './secret.ts';

/** A webhook just made: the only moment at which its secret is told. */
export interface MadeWebhook {
  row: WebhookRow;
  secret: string;
}

/** Makes a webhook whose request has no problems; it gets what happens from now on. Errors: WEBHOOKS_EXCEEDED. */
export async function createWebhook(
  { pool, cipher }: WebhookDeps,
  actor: Actor,
  { url: asked, events, agent_id: agentId, description }: CreateWebhook,
): Promise<MadeWebhook> {
  const { tenantId } = actor;
  const id = `webhook_${uuidv7()}`;
  const secret = randomWebhookSecret();
  const sealedSecret = cipher.seal(secret, webhookSecretPlace(tenantId, id));
  const url = toUrl({ url: asked });
  return withTransaction(pool, async (tx) => {
    const count = await countWebhooks(tx, tenantId);
    if (count >= ENDPOINTS_PER_TENANT_MAX) throw webhooksExceeded(count);
    const row = await insertWebhook(tx, tenantId, {
      id,
      url: url.href,
      description,
      events,
      agentId: agentId ?? null,
      sealedSecret,
      seen: await readEventsEnd(tx),
    });
    await recordChange(tx, actor, {
      operation: 'createWebhook',
      subject: id,
      // The rest of a URL may be as good as a secret.
      detail: { origin: url.origin, events, agent_id: agentId ?? null },
    });
    return { row, secret };
  });
}
