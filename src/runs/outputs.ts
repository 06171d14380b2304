import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { Json } from '../contracts/json.ts';
import { OUTPUT_BYTES_MAX, OUTPUT_INLINE_BYTES_MAX } from '../contracts/limits.ts';
import type { Failure } from '../contracts/failures.ts';
import type { Cipher } from '../secrets/cipher.ts';
import type { NewArtifact } from '../storage/artifacts.ts';
import type { StepEnding, StepRow } from '../storage/steps.ts';

export interface PackedOutput {
  bytes: number;
  /** The JSON text when it is small enough to stand in the step's row. */
  text?: string;
  artifact?: NewArtifact;
  /** The JSON text of a sensitive step's, however large. */
  sealed?: Buffer;
}

/** Where a sealed output belongs: under another step's name it stays shut. */
const placeOf = (runId: string, stepId: string): string => `output/${runId}/${stepId}`;

/** Turns an output into what is stored; undefined when it is larger than an output may be. */
export function packOutput(
  cipher: Cipher,
  { tenant_id: tenantId, id: runId }: { tenant_id: string; id: string },
  step: Pick<StepRow, 'id' | 'sensitive'>,
  output: Json,
): PackedOutput | undefined {
  const text = JSON.stringify(output);
  const bytes = Buffer.byteLength(text);
  if (bytes > OUTPUT_BYTES_MAX) return undefined;
  if (step.sensitive) return { bytes, sealed: cipher.seal(text, placeOf(runId, step.id)) };
  if (bytes <= OUTPUT_INLINE_BYTES_MAX) return { bytes, text };
  const sha256 = createHash('sha256').update(text).digest('hex');
  return {
    bytes,
    artifact: { id: `art_${uuidv7()}`, tenantId, runId, sha256, bytes, content: text },
  };
}

/** The JSON text of a sealed output; undefined when it was sealed with another key, or has been changed. */
export function openOutput(
  cipher: Cipher,
  runId: string,
  stepId: string,
  sealed: Buffer,
): string | undefined {
  try {
    return cipher.open(sealed, placeOf(runId, stepId));
  } catch {
    // Opening fails for nothing else, and says no more.
    return undefined;
  }
}

export const outputTooLargeMessage = (bytesText: string): string =>
  `The output${bytesText} is larger than ${OUTPUT_BYTES_MAX} bytes (10 MiB). Ask for less: a page, a range, or fewer fields.`;

/** What is written of a step's end: its output in place or by its artifact, its failure. */
export const endingOf = (
  status: StepEnding['status'],
  output: PackedOutput | undefined,
  failure: Failure | undefined,
): StepEnding => ({
  status,
  ...(output && { outputBytes: output.bytes }),
  ...(output?.text !== undefined && { output: output.text }),
  ...(output?.artifact && { artifactId: output.artifact.id }),
  ...(output?.sealed && { sealed: output.sealed }),
  ...(failure && { failure }),
});
