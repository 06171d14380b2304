import type Router from '@koa/router';
import { AosError } from '../../src/contracts/failures.ts';
import type { WebhookSecret } from '../../src/contracts/webhook-secret.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosState } from '../state.ts';

/** Tells an admin what the tenant's webhooks are signed with, so that a receiver can be given it. */
export function addWebhookSecretRoute(router: Router<AosState>, deps: ApiDeps): void {
  router.get('/api/v1/runtime/webhook-secret', (ctx) => {
    const { role, tenant_id: tenantId } = ctx.state.key;
    if (role !== 'admin') {
      throw new AosError(
        'FORBIDDEN',
        `The secret of the webhooks is shown to keys of the role admin; the role of this key is ${role}.`,
      );
    }
    ctx.set('Cache-Control', 'no-store');
    const body: WebhookSecret = {
      secret: deps.webhookSecretOf(tenantId),
      standard: 'Standard Webhooks 1.0',
      algorithm: 'HMAC-SHA256',
      signature_version: 'v1',
    };
    ctx.body = body;
  });
}
