import type { RunDeps } from '../src/runs/deps.ts';
import type { WebhookSecretOf } from '../src/skills/webhook/secret.ts';
import type { WakeupListener } from '../src/storage/wakeups.ts';
import type { Engine } from '../src/temporal/engine.ts';

export interface ApiDeps extends RunDeps {
  engine: Engine;
  listener: WakeupListener;
  /** Turns a presented key into what the table holds of it. */
  hashKey: (key: string) => Buffer;
  webhookSecretOf: WebhookSecretOf;
  version: string;
  /** Aborted when the server stops: long polls then answer at once. */
  closing: AbortSignal;
}
