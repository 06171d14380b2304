import type { WebhookSecret } from '../../src/contracts/webhook-secret.ts';
import type { ApiDeps } from '../deps.ts';
import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import type { Handlers } from '../handlers.ts';

/** Tells an admin what the tenant's webhooks are signed with, so that a receiver can be given it. */
export const createWebhookSecretHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof RUNTIME_ROUTES, 'getWebhookSecret'>> => ({
  getWebhookSecret(ctx) {
    ctx.set('Cache-Control', 'no-store');
    const body: WebhookSecret = {
      secret: deps.webhookSecretOf(ctx.state.key.tenant_id),
      standard: 'Standard Webhooks 1.0',
      algorithm: 'HMAC-SHA256',
      signature_version: 'v1',
    };
    ctx.body = body;
  },
});
