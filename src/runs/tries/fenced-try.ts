import type { Failure } from '../../contracts/failures.ts';
import { entryKeyOf } from '../../domain/effect-keys.ts';
import type { EndHold } from '../../storage/ledger.ts';
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
