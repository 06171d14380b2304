import { clip } from '../domain/plan/wording.ts';
import { parseFailure } from '../runs/failures.ts';

const MESSAGE_LENGTH_MAX = 1000;

/** What an entry of a list tells of a failure, which is stored as JSON text. */
export function failureFields(
  text: string | null,
): { code: string; message: string; retryable: boolean } | undefined {
  if (text === null) return undefined;
  const { code, message, retryable } = parseFailure(text);
  return { code, message: clip(message, MESSAGE_LENGTH_MAX), retryable };
}
