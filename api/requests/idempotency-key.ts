import { AosError } from '../../src/contracts/failures.ts';
import { IDEMPOTENCY_KEY_LENGTH_MAX } from '../../src/contracts/limits.ts';
import type { AosContext } from '../state.ts';

/** The key of a request, from its header or its body. Errors: INVALID_REQUEST, IDEMPOTENCY_KEY_REUSED when both differ. */
export function idempotencyKeyOf(ctx: AosContext, inBody: string | undefined): string | undefined {
  const inHeader = ctx.get('Idempotency-Key') || undefined;
  if (inHeader !== undefined && inHeader.length > IDEMPOTENCY_KEY_LENGTH_MAX) {
    throw new AosError(
      'INVALID_REQUEST',
      `Idempotency-Key is longer than ${IDEMPOTENCY_KEY_LENGTH_MAX} characters.`,
    );
  }
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    throw new AosError(
      'IDEMPOTENCY_KEY_REUSED',
      'The Idempotency-Key header and `idempotency_key` in the body differ.',
    );
  }
  return inHeader ?? inBody;
}
