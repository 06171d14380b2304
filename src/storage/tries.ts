import type { NextMove, StepRole } from '../contracts/activities.ts';
import type { Failure } from '../contracts/failures.ts';
import { noteEvents, valuesOfEvent, withEvent } from './events.ts';
import type { NewEvent, WrittenEvent } from './events.ts';
import type { Db, Transaction } from './pool.ts';

export interface TryKey {
  runId: string;
  stepId: string;
  generation: number;
  role: StepRole;
  number: number;
}

export interface TryRow {
  step_id: string;
  generation: number;
  role: StepRole;
  number: number;
  execution: number;
  fence: string;
  hold_id: string | null;
  status: 'succeeded' | 'failed' | 'cancelled' | null;
  /** A Failure as JSON text. */
  failure: string | null;
  /** A NextMove as JSON text; null while there is no outcome. */
  next: string | null;
  cost_micro_cents: number;
  started_at: Date;
  deadline_at: Date;
  completed_at: Date | null;
}

/** What decides about a try: who may record its outcome, and whether one stands. */
export type TryMark = Pick<TryRow, 'fence' | 'hold_id' | 'status' | 'failure' | 'next'>;

const COLUMNS = `step_id, generation, role, number, execution, fence, hold_id, status, failure, next, cost_micro_cents,
  started_at, deadline_at, completed_at`;

const keyOf = (key: TryKey): unknown[] => [
  key.runId,
  key.stepId,
  key.generation,
  key.role,
  key.number,
];

export interface Fencing {
  execution: number;
  fence: string;
  holdId: string | null;
  deadlineAt: Date;
}

const FENCE = `INSERT INTO tries (run_id, step_id, generation, role, number, execution, fence, hold_id, deadline_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (run_id, step_id, generation, role, number) DO UPDATE
     SET execution = $6, fence = $7, hold_id = $8, deadline_at = $9 WHERE tries.status IS NULL`;

const fencingOf = ({ execution, fence, holdId, deadlineAt }: Fencing): unknown[] => [
  execution,
  fence,
  holdId,
  deadlineAt,
];

/** Writes the try under a fresh fence, over an earlier fence that has left no outcome. */
export async function fenceTry(tx: Transaction, key: TryKey, fencing: Fencing): Promise<void> {
  await tx.query(FENCE, [...keyOf(key), ...fencingOf(fencing)]);
}

const STARTED: Record<StepRole, string> = {
  main: `status = 'running', role = 'main', tries = tries + 1, started_at = coalesce(started_at, now())`,
  fallback: `status = 'running', role = 'fallback', tries = tries + 1`,
  compensate: `compensation = 'running'`,
};

/** Writes the try under its first fence, that its step is at it, and the event that says so. */
export async function startTry(
  tx: Transaction,
  key: TryKey,
  fencing: Fencing,
  event: NewEvent,
): Promise<void> {
  const { rows } = await tx.query<WrittenEvent>(
    `WITH fenced AS (${FENCE}),
     started AS (UPDATE steps SET ${STARTED[key.role]} WHERE run_id = $1 AND id = $2),
     ${withEvent(10)}`,
    [...keyOf(key), ...fencingOf(fencing), ...valuesOfEvent(event)],
  );
  noteEvents(tx, key.runId, [event], rows);
}

export interface TryEnding {
  status: 'succeeded' | 'failed' | 'cancelled';
  failure: Failure | undefined;
  next: NextMove;
  costMicroCents: number;
}

/** Writes the outcome if this fence still holds the try and no outcome stands; answers whether it did. */
export async function endTry(
  tx: Transaction,
  key: TryKey,
  fence: string,
  { status, failure, next, costMicroCents }: TryEnding,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE tries SET status = $7, failure = $8, cost_micro_cents = cost_micro_cents + $9, next = $10,
       completed_at = now()
     WHERE run_id = $1 AND step_id = $2 AND generation = $3 AND role = $4 AND number = $5
       AND fence = $6 AND status IS NULL`,
    [
      ...keyOf(key),
      fence,
      status,
      failure ? JSON.stringify(failure) : null,
      costMicroCents,
      JSON.stringify(next),
    ],
  );
  return rowCount === 1;
}

/** Counts what a call under this try has cost; negative when too much was presumed. */
export async function addTryCost(
  tx: Transaction,
  key: TryKey,
  costMicroCents: number,
): Promise<void> {
  await tx.query(
    `UPDATE tries SET cost_micro_cents = cost_micro_cents + $6
     WHERE run_id = $1 AND step_id = $2 AND generation = $3 AND role = $4 AND number = $5`,
    [...keyOf(key), costMicroCents],
  );
}

/** Every try of a step, in the order they were made. */
export async function listTries(db: Db, runId: string, stepId: string): Promise<TryRow[]> {
  const { rows } = await db.query<TryRow>(
    `SELECT ${COLUMNS} FROM tries WHERE run_id = $1 AND step_id = $2 ORDER BY generation, role DESC, number`,
    [runId, stepId],
  );
  return rows;
}

/** The last try of each step's compensation, by the step's id. */
export async function listCompensationTries(
  db: Db,
  runId: string,
): Promise<Map<string, Pick<TryRow, 'step_id' | 'number' | 'failure'>>> {
  const { rows } = await db.query<Pick<TryRow, 'step_id' | 'number' | 'failure'>>(
    `SELECT DISTINCT ON (step_id) step_id, number, failure FROM tries
     WHERE run_id = $1 AND role = 'compensate' ORDER BY step_id, generation DESC, number DESC`,
    [runId],
  );
  return new Map(rows.map((row) => [row.step_id, row]));
}

/** Each step's last try in its current generation and role. */
export async function listLastTries(db: Db, runId: string): Promise<TryRow[]> {
  const { rows } = await db.query<TryRow>(
    `SELECT DISTINCT ON (t.step_id) ${COLUMNS.replaceAll(/\w+/g, 't.$&')}
     FROM tries t JOIN steps s ON s.run_id = t.run_id AND s.id = t.step_id
       AND s.generation = t.generation AND s.role = t.role
     WHERE t.run_id = $1 ORDER BY t.step_id, t.number DESC`,
    [runId],
  );
  return rows;
}

export async function listOpenTries(tx: Transaction, runId: string): Promise<TryRow[]> {
  const { rows } = await tx.query<TryRow>(
    `SELECT ${COLUMNS} FROM tries WHERE run_id = $1 AND status IS NULL ORDER BY step_id`,
    [runId],
  );
  return rows;
}
