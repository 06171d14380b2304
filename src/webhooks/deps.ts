import type { Cipher } from '../secrets/cipher.ts';
import type { EgressGuard } from '../skills/egress.ts';
import type { Pool } from '../storage/pool.ts';

/** What everything that acts on webhooks needs. */
export interface WebhookDeps {
  pool: Pool;
  cipher: Cipher;
  egress: EgressGuard;
}
