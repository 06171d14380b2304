import type { RotateWebhookSecret } from '../contracts/webhook.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import { replaceSecret } from '../storage/webhooks.ts';
import type { MadeWebhook } from './create-webhook.ts';
import type { WebhookDeps } from './deps.ts';
import { findLockedWebhook } from './find-webhook.ts';
import { randomWebhookSecret, webhookSecretPlace } from './secret.ts';

const HOUR_MS = 3600 * 1000;

/** Gives a webhook a new secret; for some time messages are signed with both. Errors: WEBHOOK_NOT_FOUND. */
export async function rotateWebhookSecret(
  { pool, cipher }: WebhookDeps,
  actor: Actor,
  id: string,
  { overlap_hours: overlapHours }: RotateWebhookSecret,
): Promise<MadeWebhook> {
  const { tenantId } = actor;
  const secret = randomWebhookSecret();
  return withTransaction(pool, async (tx) => {
    await findLockedWebhook(tx, tenantId, id);
    const row = await replaceSecret(tx, tenantId, id, {
      sealedSecret: cipher.seal(secret, webhookSecretPlace(tenantId, id)),
      overlapMs: overlapHours * HOUR_MS,
    });
    await recordChange(tx, actor, {
      operation: 'rotateWebhookSecret',
      subject: id,
      detail: { overlap_hours: overlapHours },
    });
    return { row, secret };
  });
}
