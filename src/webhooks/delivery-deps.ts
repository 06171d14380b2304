import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/instruments.ts';
import type { WebhookDeps } from './deps.ts';

/** What can be set otherwise, for a test that does not want to wait. */
export interface DeliveryTimes {
  /** Pauses between attempts. @default those of Standard Webhooks */
  retryDelaysMs?: readonly number[];
  /** How long a receiver may take. @default 15 s */
  sendMsMax?: number;
  /** After how long without a word it is looked whether a workflow is at a delivery. @default 1 min */
  checkMs?: number;
}

/** What the deliveries of a worker need. */
export interface DeliveryDeps extends WebhookDeps {
  logger: Logger;
  metrics: Metrics;
  times?: DeliveryTimes | undefined;
  /** Called when a place has become free, so that the next delivery need not wait for the next look. */
  onRoom: () => void;
}

export const CHECK_MS = 60_000;
