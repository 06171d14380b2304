import { AosError } from '../contracts/failures.ts';
import { ENDPOINT_SENDING_MAX } from '../contracts/limits.ts';
import type { AttemptReply, DeliverWebhook } from '../contracts/webhook-activities.ts';
import { pauseWhenFull } from '../domain/delivery-backoff.ts';
import { viewEvent } from '../events/view-event.ts';
import { createCallSecrets } from '../secrets/call-secrets.ts';
import { othersOf } from '../secrets/open-secrets.ts';
import type { HttpRequest } from '../skills/http/request.ts';
import { findEvent } from '../storage/event-feed.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { repeatInOutage } from '../storage/repeat-in-outage.ts';
import {
  countDue,
  findOwner,
  markSending,
  postpone,
  readSendingFacts,
} from '../storage/webhook-attempts.ts';
import type { SendingFacts } from '../storage/webhook-attempts.ts';
import { findDelivery } from '../storage/webhook-deliveries.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';
import { findWebhookRow, lockWebhook } from '../storage/webhooks.ts';
import { CHECK_MS } from './delivery-deps.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import { bodyOfEvent, bodyOfTest, toMessage } from './message.ts';
import { recordAttempt, reportAttempt } from './record-attempt.ts';
import type { Recorded } from './record-attempt.ts';
import { webhookSecretPlace } from './secret.ts';
import { sendMessage } from './send-message.ts';
import { placeOfEvent } from './view-delivery.ts';
import type { RequestSecrets } from '../skills/skill.ts';

const OVER: AttemptReply = { kind: 'over' };

interface Begun {
  delivery: DeliveryRow;
  facts: SendingFacts;
  /** Undefined when the event is not there. */
  body: string | undefined;
}

/** One attempt of a delivery: begin, send, record. A worker that is lost in between sends the same message again. */
export async function attemptDelivery(
  deps: DeliveryDeps,
  { delivery_id: id, generation }: DeliverWebhook,
  signal: AbortSignal,
): Promise<AttemptReply> {
  const owner = await findOwner(deps.pool, id);
  if (!owner) return OVER;
  const begun = await withTransaction(deps.pool, async (tx) => {
    const delivery = await lockDelivery(tx, { ...owner, id, generation });
    return delivery ? begin(deps, tx, delivery) : OVER;
  });
  if ('kind' in begun) return begun;
  const { delivery, facts, body } = begun;
  const makeRequest = (sentAt: Date): HttpRequest => {
    if (body === undefined) throw new Error(`delivery ${id} is of an event that is not there`);
    const signing = openSigningSecrets(deps, delivery, facts);
    return toMessage(body, { url: facts.url, id, secrets: signing, sentAt });
  };
  const { egress, logger, times = {} } = deps;
  const { sendMsMax } = times;
  const secrets = await secretsOf(deps, owner.tenant_id, facts.url, signal);
  const outcome = await sendMessage(makeRequest, { egress, logger, signal, sendMsMax, secrets });
  const record = (): Promise<Recorded> =>
    withTransaction(deps.pool, async (tx) => {
      const now = await lockDelivery(tx, { ...owner, id, generation });
      if (!now) return { reply: OVER, result: 'lost' };
      const webhook = await findWebhookRow(tx, owner.tenant_id, owner.webhook_id);
      const isMoved = webhook?.url !== facts.url;
      return recordAttempt(deps, tx, { delivery: now, begun: delivery, outcome, isMoved });
    });
  const { reply, result } = await repeatInOutage(record, signal);
  reportAttempt(deps, { begun: delivery, outcome }, result);
  deps.onRoom();
  return reply;
}

/** The delivery, if it is still of this generation and open; its webhook is locked before it is read. */
async function lockDelivery(
  tx: Transaction,
  {
    tenant_id: tenantId,
    webhook_id: webhookId,
    id,
    generation,
  }: Pick<DeliveryRow, 'tenant_id' | 'webhook_id' | 'id' | 'generation'>,
): Promise<DeliveryRow | undefined> {
  const webhook = await lockWebhook(tx, tenantId, webhookId);
  if (webhook?.status !== 'enabled') return undefined;
  const delivery = await findDelivery(tx, tenantId, webhookId, id);
  if (delivery?.generation !== generation || delivery.completed_at !== null) return undefined;
  return delivery;
}

async function begin(
  { times: { checkMs = CHECK_MS } = {} }: DeliveryDeps,
  tx: Transaction,
  delivery: DeliveryRow,
): Promise<Begun | AttemptReply> {
  const facts = await readSendingFacts(tx, delivery);
  if (facts.due_in_ms > 0) return { kind: 'again', delay_ms: Math.ceil(facts.due_in_ms) };
  if (delivery.status === 'waiting' && facts.is_full) {
    const rivals = await countDue(tx, delivery);
    const pauseMs = pauseWhenFull(rivals, ENDPOINT_SENDING_MAX, Math.random());
    await postpone(tx, delivery, { pauseMs, checkMs });
    return { kind: 'again', delay_ms: pauseMs };
  }
  await markSending(tx, delivery, checkMs);
  return { delivery, facts, body: await bodyOf(tx, delivery) };
}

async function bodyOf(tx: Transaction, delivery: DeliveryRow): Promise<string | undefined> {
  const place = placeOfEvent(delivery);
  if (!place) return bodyOfTest(delivery.webhook_id, delivery.created_at);
  const event = await findEvent(tx, delivery.tenant_id, place);
  return event && bodyOfEvent(viewEvent(event));
}

/** What the receiver may know by calls of the tenant, and may give back in its answer. */
async function secretsOf(
  { pool, cipher }: DeliveryDeps,
  tenantId: string,
  url: string,
  signal: AbortSignal,
): Promise<RequestSecrets> {
  const ask = <T>(work: () => Promise<T>): Promise<T> => repeatInOutage(work, signal);
  const secrets = createCallSecrets([], othersOf({ pool, cipher, ask }, tenantId));
  await secrets.meet(new URL(url));
  return secrets;
}

/** Errors: INTERNAL, when the secrets were sealed by another key. */
function openSigningSecrets(
  { cipher }: DeliveryDeps,
  { tenant_id: tenantId, webhook_id: webhookId }: DeliveryRow,
  { sealed_secret: sealed, sealed_previous_secret: previous }: SendingFacts,
): string[] {
  try {
    return [sealed, previous].flatMap((each) =>
      each === null ? [] : [cipher.open(each, webhookSecretPlace(tenantId, webhookId))],
    );
  } catch (error) {
    throw new AosError(
      'INTERNAL',
      'The secret of the webhook cannot be opened with AOS_SECRETS_KEY. Give the key back, or rotate the secret.',
      {},
      { cause: error },
    );
  }
}
