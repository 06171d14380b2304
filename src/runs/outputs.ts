import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { Json } from '../contracts/json.ts';
import { OUTPUT_BYTES_MAX, OUTPUT_INLINE_BYTES_MAX } from '../contracts/limits.ts';
import type { NewArtifact } from '../storage/artifacts.ts';

export interface PackedOutput {
  bytes: number;
  /** The JSON text when it is small enough to stand in the step's row. */
  text?: string;
  artifact?: NewArtifact;
}

/** Turns an output into what is stored; undefined when it is larger than an output may be. */
export function packOutput(
  tenantId: string,
  runId: string,
  output: Json,
): PackedOutput | undefined {
  const text = JSON.stringify(output);
  const bytes = Buffer.byteLength(text);
  if (bytes > OUTPUT_BYTES_MAX) return undefined;
  if (bytes <= OUTPUT_INLINE_BYTES_MAX) return { bytes, text };
  const sha256 = createHash('sha256').update(text).digest('hex');
  return {
    bytes,
    artifact: { id: `art_${uuidv7()}`, tenantId, runId, sha256, bytes, content: text },
  };
}

export const outputTooLargeMessage = (bytesText: string): string =>
  `The output${bytesText} is larger than ${OUTPUT_BYTES_MAX} bytes (10 MiB). Ask for less: a page, a range, or fewer fields.`;
