import type { CommittedEvent } from '../contracts/event.ts';
import type { Transaction } from './pool.ts';

/** `skill` and `seconds` are not stored. */
export type NewEvent = Omit<CommittedEvent, 'runId' | 'tenantId'>;

/** Never below that of the event before: a transaction that waited for the run's row may be older than the one that held it. */
const LATEST = 'event_transaction = greatest(event_transaction, pg_current_xact_id())';

/**
 * The end of a statement that changes a run and appends one event: its CTEs come first, its parameters from `first` on
 * are those of `valuesOfEvent`, and `$1` is the run. Its caller notes the event with what it returns.
 */
export const withEvent = (first: number): string => `counter AS (
       UPDATE runs SET event_number = event_number + 1, ${LATEST} WHERE id = $1
       RETURNING tenant_id, agent_id, event_transaction, event_number
     )
     INSERT INTO events (run_id, number, tenant_id, agent_id, transaction, type, step_id, data)
     SELECT $1, event_number, tenant_id, agent_id, event_transaction, $${first}, $${first + 1}, $${first + 2} FROM counter
     RETURNING tenant_id`;

export const valuesOfEvent = ({ type, stepId, data }: NewEvent): unknown[] => [
  type,
  stepId ?? null,
  JSON.stringify(data ?? {}),
];

/** What a statement returns of each event that it has written. */
export interface WrittenEvent {
  tenant_id: string;
}

/** What was written is told once its transaction is committed. */
export function noteEvents(
  tx: Transaction,
  runId: string | undefined,
  events: readonly NewEvent[],
  [written]: readonly WrittenEvent[],
): void {
  if (written === undefined) return;
  const of = { ...(runId !== undefined && { runId }), tenantId: written.tenant_id };
  tx.events.push(...events.map((event) => ({ ...event, ...of })));
}

/** Numbers the events from the run's own counter, whose row lock makes the order of commits the order of numbers. */
export async function appendEvents(
  tx: Transaction,
  runId: string,
  events: NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const { rows } = await tx.query<WrittenEvent>(
    `WITH counter AS (
       UPDATE runs SET event_number = event_number + $2, ${LATEST} WHERE id = $1
       RETURNING tenant_id, agent_id, event_transaction, event_number - $2 AS base
     )
     INSERT INTO events (run_id, number, tenant_id, agent_id, transaction, type, step_id, data)
     SELECT $1, base + e.ordinal, tenant_id, agent_id, event_transaction, e.type, e.step_id, e.data
     FROM counter, unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS e (type, step_id, data, ordinal)
     RETURNING tenant_id`,
    [
      runId,
      events.length,
      events.map((event) => event.type),
      events.map((event) => event.stepId ?? null),
      events.map((event) => JSON.stringify(event.data ?? {})),
    ],
  );
  noteEvents(tx, runId, events, rows);
}

/** Events that are of no run, or of none that is still open: they belong to the tenant of an account alone. */
export async function appendEventsWithoutRun(
  tx: Transaction,
  accountId: string,
  agentId: string | null,
  events: readonly NewEvent[],
): Promise<void> {
  const { rows } = await tx.query<WrittenEvent>(
    `INSERT INTO events (tenant_id, agent_id, type, data)
     SELECT a.tenant_id, $2, e.type, e.data
     FROM accounts a, unnest($3::text[], $4::text[]) WITH ORDINALITY AS e (type, data, ordinal)
     WHERE a.id = $1 ORDER BY e.ordinal
     RETURNING tenant_id`,
    [
      accountId,
      agentId,
      events.map((event) => event.type),
      events.map((event) => JSON.stringify(event.data ?? {})),
    ],
  );
  noteEvents(tx, undefined, events, rows);
}
