import type { IncomingMessage } from 'node:http';
import { AosError } from '../../src/contracts/failures.ts';
import type { Json } from '../../src/contracts/json.ts';
import { JSON_DEPTH_MAX, REQUEST_BODY_BYTES_MAX } from '../../src/contracts/limits.ts';
import { measureJson } from '../../src/domain/plan/json-size.ts';

/** Reads a request's JSON body whole, within its bounds. Errors: BODY_TOO_LARGE, INVALID_JSON. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'the body is not valid UTF-8';
    throw new AosError('INVALID_JSON', `The body is not JSON: ${why.slice(0, 200)}.`);
  }
  // One level more than a plan may have, since it stands inside the body.
  if (measureJson(value, Infinity, JSON_DEPTH_MAX + 1).kind !== 'ok') {
    throw new AosError('INVALID_JSON', `The body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  }
  return value;
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read on without keeping it: a client that is cut off in the middle would not see the answer.
    if (bytes <= REQUEST_BODY_BYTES_MAX) chunks.push(chunk);
    else if (bytes > 4 * REQUEST_BODY_BYTES_MAX) break;
  }
  if (bytes > REQUEST_BODY_BYTES_MAX) {
    throw new AosError('BODY_TOO_LARGE', `The body is larger than ${REQUEST_BODY_BYTES_MAX} bytes (2 MiB).`);
  }
  return Buffer.concat(chunks);
}
