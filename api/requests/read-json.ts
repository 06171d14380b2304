import type { IncomingMessage } from 'node:http';
import { AosError } from '../../src/contracts/failures.ts';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json } from '../../src/contracts/json.ts';
import { JSON_DEPTH_MAX, REQUEST_BODY_BYTES_MAX } from '../../src/contracts/limits.ts';
import { measureJson } from '../../src/domain/plan/json-size.ts';
import { childPointer } from '../../src/domain/plan/pointer.ts';

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
  refuseWildFields(value);
  return value;
}

/** What is read here may be walked by recursion. Only an object is looked at any further, so only its fields count. */
function refuseWildFields(body: Json): void {
  for (const [key, value] of isJsonObject(body) ? Object.entries(body) : []) {
    const { kind } = measureJson(value, Infinity, JSON_DEPTH_MAX);
    if (kind === 'ok') continue;
    const pointer = childPointer('', key);
    const problem =
      kind === 'too_deep'
        ? { pointer, code: 'TOO_DEEP', message: `nests deeper than ${JSON_DEPTH_MAX} levels` }
        : { pointer, code: 'INVALID_TYPE', message: 'holds a number beyond the range of a double' };
    throw new AosError('INVALID_JSON', `${pointer}: ${problem.message}`, { errors: [problem] });
  }
}

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
      const limit = `${REQUEST_BODY_BYTES_MAX} bytes (2 MiB)`;
      reject(new AosError('BODY_TOO_LARGE', `The body is larger than ${limit}.`));
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    // The client has hung up, which is no outage of ours.
    const hungUp = () =>
      reject(new AosError('INVALID_JSON', 'The body ended before it was whole.'));
    request.on('error', hungUp);
    request.on('close', hungUp);
  });
}
