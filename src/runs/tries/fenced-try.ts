import { uuidv7 } from 'uuidv7';
import type { Failure } from '../../contracts/failures.ts';
import { entryKeyOf } from '../../domain/effect-keys.ts';
import type { Balances } from '../../domain/balances.ts';
import { placeHold } from '../../storage/ledger.ts';
import type { EndHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import type { RunRow } from '../../storage/runs.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import type { EntrySubject } from '../../storage/transactions.ts';
import type { TryKey } from '../../storage/tries.ts';

/** A try and the fence under which an outcome may be written. */
export interface FencedTry {
  run: RunRow;
  step: StepRowWithSpec;
  key: TryKey;
  fence: string;
  holdId: string | null;
  /** Of the prices that this call is held and settled by. */
  priceTableVersion: string;
  /** When this worker began the call, milliseconds since the epoch; absent for whoever ends another's try. */
  begunAtMs?: number;
}

/** What becomes of the money that a try asks for. */
export type HoldReply =
  | { kind: 'held'; holdId: string | null; heldMicroCents: number }
  | { kind: 'busy' }
  | { kind: 'refused'; failure: Failure };

function subjectOf({ run, key, priceTableVersion }: FencedTry): EntrySubject {
  return {
    runId: run.id,
    execution: run.execution,
    stepId: key.stepId,
    try: key.number,
    priceTableVersion,
    actor: 'worker',
  };
}

/** Holds money on the run's account for this fence; answers the balances that refuse it. `expiresAt` of null is never. */
export async function placeTryHold(
  tx: Transaction,
  fenced: FencedTry,
  amountMicroCents: number,
  expiresAt: Date | null,
): Promise<{ ok: true; holdId: string } | { ok: false; balances: Balances }> {
  const { run, step, key, fence } = fenced;
  const holdId = `hold_${uuidv7()}`;
  const placed = await placeHold(tx, {
    hold: {
      id: holdId,
      accountId: run.account_id,
      amountMicroCents,
      runId: run.id,
      stepId: step.id,
      generation: step.generation,
      role: key.role,
      try: key.number,
      fence,
      expiresAt,
    },
    ...entryOf(fenced, holdId, 'hold'),
    basis: 'worst_case',
  });
  return placed.ok ? { ok: true, holdId } : placed;
}

/** What names a ledger entry of this fence: the hold it is about, its key, its subject. */
export const entryOf = <H extends string | null>(
  fenced: FencedTry,
  holdId: H,
  kind: string,
): EndHold<H> => ({
  holdId,
  key: entryKeyOf(fenced.key, fenced.fence, kind),
  subject: subjectOf(fenced),
});
