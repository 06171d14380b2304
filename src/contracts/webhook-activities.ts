/** One delivery of one generation: all that Temporal is told of it. */
export interface DeliverWebhook {
  delivery_id: string;
  generation: number;
}

/** What the row says after an attempt: it is over for this generation, or there is another attempt after a pause. */
export type AttemptReply = { kind: 'over' } | { kind: 'again'; delay_ms: number };

/** What a workflow that delivers may ask the worker for. */
export interface WebhookActivities {
  /** Sends the event once and records what came of it. */
  attemptDelivery(input: DeliverWebhook): Promise<AttemptReply>;
}
