import type { IncomingMessage } from 'node:http';
import { AosError } from '../../src/contracts/failures.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { JSON_DEPTH_MAX, REQUEST_BODY_BYTES_MAX } from '../../src/contracts/limits.ts';
import { findDuplicateKey } from '../../src/domain/plan/duplicate-key.ts';
import { measureJson } from '../../src/domain/plan/json-size.ts';
import { childPointer } from '../../src/domain/plan/pointer.ts';
import { clip } from '../../src/domain/plan/wording.ts';

/**
 * Reads a request's JSON body whole, within its bounds, whatever its Content-Type says: curl calls JSON a form.
 * `isSecret`: what is wrong with it is told without a word of it. Errors: BODY_TOO_LARGE, CONTENT_ENCODING_UNSUPPORTED,
 * INVALID_JSON.
 */
export async function readJson(request: IncomingMessage, isSecret = false): Promise<Json> {
  refuseByHeaders(request);
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  let text: string;
  let value: Json;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text) as Json;
  } catch (error) {
    const quoting = isSecret ? 'it does not parse' : String((error as Error).message);
    const why = error instanceof SyntaxError ? quoting : 'the body is not valid UTF-8';
    throw new AosError('INVALID_JSON', `The body is not JSON: ${why.slice(0, 200)}.`);
  }
  // Only an object is looked at any further.
  if (isJsonObject(value)) {
    refuseWildFields(value);
    refuseDuplicateKey(text);
  }
  return value;
}

/** Told before anything is read: the client need not send what nobody takes. */
function refuseByHeaders({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') {
    throw new AosError(
      'CONTENT_ENCODING_UNSUPPORTED',
      `The body is encoded as ${clip(encoding)}. Send it without Content-Encoding.`,
    );
  }
  const announced = Number(headers['content-length'] ?? 0);
  if (announced > REQUEST_BODY_BYTES_MAX) throw tooLarge(announced);
}

/** What is read here may be walked by recursion. */
function refuseWildFields(body: JsonObject): void {
  for (const [key, value] of Object.entries(body)) {
    const { kind } = measureJson(value, Infinity, JSON_DEPTH_MAX);
    if (kind === 'ok') continue;
    throw invalid(
      kind === 'too_deep'
        ? {
            pointer: childPointer('', key),
            code: 'TOO_DEEP',
            message: `nests deeper than ${JSON_DEPTH_MAX} levels`,
          }
        : {
            pointer: childPointer('', key),
            code: 'INVALID_TYPE',
            message: 'holds a number beyond the range of a double',
          },
    );
  }
}

/** Of two equal keys others may take the first: then what they have checked is not what runs here. */
function refuseDuplicateKey(text: string): void {
  const pointer = findDuplicateKey(text);
  if (pointer === undefined) return;
  throw invalid({ pointer, code: 'DUPLICATE_KEY', message: 'is there twice; leave one out' });
}

const invalid = (problem: Problem): AosError =>
  new AosError('INVALID_JSON', `${problem.pointer}: ${problem.message}`, { errors: [problem] });

/** `bytes` is the size of the body as far as it is known. */
const tooLarge = (bytes: number): AosError =>
  new AosError(
    'BODY_TOO_LARGE',
    `The body is larger than ${REQUEST_BODY_BYTES_MAX} bytes (2 MiB).`,
    { limit: { name: 'request_body_bytes_max', value: REQUEST_BODY_BYTES_MAX, asked: bytes } },
  );

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= REQUEST_BODY_BYTES_MAX) {
        chunks.push(chunk);
        return;
      }
      // It reads on without keeping anything: a client that is cut off in the middle would not see the answer.
      chunks.length = 0;
      reject(tooLarge(bytes));
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    // The client has hung up, which is no outage of ours.
    const hungUp = () =>
      reject(new AosError('INVALID_JSON', 'The body ended before it was whole.'));
    request.on('error', hungUp);
    request.on('close', hungUp);
  });
}
