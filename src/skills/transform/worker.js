// Runs in a thread of the transform pool. Plain JavaScript: a worker thread cannot load TypeScript under jest.
import { parentPort } from 'node:worker_threads';
import createJq from 'jq-wasm/dist/build/jq.js';

const NO_SUCH_FILE = -44;
const [NEWLINE, COMMA, OPENING_BRACKET, CLOSING_BRACKET] = Buffer.from('\n,[]');
const STDERR_BYTES_MAX = 8 * 1024;
const MESSAGE_LENGTH_MAX = 1000;
const COMPILE_ERROR = /jq: \d+ compile errors?\s*$/;
const RUNTIME_PREFIX = 'jq: error (at <';
// A number that a double cannot hold: an exponent of three digits, or 309 digits in a row.
const HUGE_NUMBER = /[eE]\+?\d{3}|(?<!\d)\d{309}/;

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

class OutputTooLarge extends Error {}

/** @returns {Promise<WebAssembly.Module>} jq, compiled once per thread from the binary inside the package. */
async function compileJq() {
  const { instantiate } = WebAssembly;
  /** @type {WebAssembly.Module | undefined} */
  let compiled;
  WebAssembly.instantiate = async (binary, imports) => {
    const result = await instantiate(binary, imports);
    compiled = result.module;
    return result;
  };
  try {
    await createJq();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
  if (compiled === undefined)
    throw new Error('jq-wasm no longer compiles through WebAssembly.instantiate');
  return compiled;
}

/** @param {number} bytesMax */
function createSink(bytesMax) {
  // The first byte is kept free for the bracket that is needed when there are several values.
  let bytes = new Uint8Array(64 * 1024);
  let length = 1;
  return {
    /** @param {Uint8Array} chunk */
    write(chunk) {
      if (length + chunk.length > bytesMax + 2) throw new OutputTooLarge();
      if (length + chunk.length > bytes.length) {
        const grown = new Uint8Array(Math.max(bytes.length * 2, length + chunk.length));
        grown.set(bytes.subarray(0, length));
        bytes = grown;
      }
      bytes.set(chunk, length);
      length += chunk.length;
    },
    /** jq separates its values with newlines, and escapes those inside strings. */
    toJsonText() {
      let values = 0;
      for (let index = 1; index < length; index++) {
        if (bytes[index] !== NEWLINE) continue;
        values++;
        bytes[index] = COMMA;
      }
      if (values === 0) return 'null';
      bytes[0] = OPENING_BRACKET;
      bytes[length - 1] = CLOSING_BRACKET;
      const [start, end] = values === 1 ? [1, length - 1] : [0, length];
      return new TextDecoder().decode(bytes.subarray(start, end));
    },
  };
}

function createTail() {
  let text = '';
  return {
    /** @param {Uint8Array} chunk */
    write(chunk) {
      const last = chunk.subarray(Math.max(0, chunk.length - STDERR_BYTES_MAX));
      text = (text + Buffer.from(last).toString('latin1')).slice(-STDERR_BYTES_MAX);
    },
    toText: () => Buffer.from(text, 'latin1').toString('utf8'),
  };
}

/**
 * A new instance for each call: 1 ms buys that no program can see or spoil another's memory, and that memory is given back.
 * The imports, under their minified names in jq-wasm 1.0.1: no files (f), no environment (i j), our stdio (d g), our abort (a D).
 */
async function createInstance(stdin, stdout, stderr) {
  let position = 0;
  return createJq({
    thisProgram: 'jq',
    instantiateWasm({ a: own }, receive) {
      /** @type {WebAssembly.Memory} */
      let memory;
      const setLength = (at, value) => new DataView(memory.buffer).setUint32(at, value, true);
      const eachSlice = (vectors, count, lengthAt, visit) => {
        const view = new DataView(memory.buffer);
        let total = 0;
        for (let index = 0; index < count; index++) {
          const start = view.getUint32(vectors + 8 * index, true);
          total += visit(
            new Uint8Array(memory.buffer, start, view.getUint32(vectors + 8 * index + 4, true)),
          );
        }
        setLength(lengthAt, total);
        return 0;
      };
      const read = (slice) => {
        const part = stdin.subarray(position, position + slice.length);
        slice.set(part);
        position += part.length;
        return part.length;
      };
      const writeTo = (sink) => (slice) => {
        sink.write(slice);
        return slice.length;
      };
      const stop = () => {
        throw new WebAssembly.RuntimeError('jq gave up');
      };
      const imports = {
        ...own,
        a: stop,
        D: stop,
        f: () => NO_SUCH_FILE,
        i: () => 0,
        j(countAt, sizeAt) {
          setLength(countAt, 0);
          setLength(sizeAt, 0);
          return 0;
        },
        d: (fd, vectors, count, lengthAt) =>
          eachSlice(vectors, count, lengthAt, writeTo(fd === 1 ? stdout : stderr)),
        g: (_fd, vectors, count, lengthAt) => eachSlice(vectors, count, lengthAt, read),
      };
      const instance = new WebAssembly.Instance(compiledJq, { a: imports });
      memory = instance.exports.E;
      return receive(instance);
    },
  });
}

/** An infinite number becomes the largest finite one, as jq itself has it; left as written, JSON.parse would make it Infinity. */
const clampNumbers = (text) =>
  HUGE_NUMBER.test(text)
    ? text.replace(STRING_OR_NUMBER, (token) => {
        if (token.startsWith('"') || Number.isFinite(Number(token))) return token;
        return token.startsWith('-') ? `-${Number.MAX_VALUE}` : `${Number.MAX_VALUE}`;
      })
    : text;

const shorten = (text) =>
  text.length > MESSAGE_LENGTH_MAX ? `${text.slice(0, MESSAGE_LENGTH_MAX)}…` : text;

function toFailure(exitCode, errors) {
  if (exitCode === 3 && COMPILE_ERROR.test(errors)) {
    const reason = errors
      .replace(COMPILE_ERROR, '')
      .replaceAll('jq: error: ', '')
      .replaceAll(' (Unix shell quoting issues?)', '');
    return {
      kind: 'failure',
      code: 'TRANSFORM_QUERY_INVALID',
      message: `The jq program does not compile: ${shorten(reason.trim())}`,
    };
  }
  const start = errors.lastIndexOf(RUNTIME_PREFIX);
  const reason =
    start < 0 ? errors : errors.slice(start).replace(/^jq: error \(at <[^>]*>(?::\d+)?\):? ?/, '');
  return {
    kind: 'failure',
    code: 'TRANSFORM_FAILED',
    message: `The jq program failed: ${shorten(reason.trim()) || `exit code ${exitCode}`}`,
  };
}

const compiledJq = await compileJq();

/**
 * Runs one program; says `{ started: id }` when it begins, and does nothing when the pool has given it up before that.
 * @param {{ id: number, state: Int32Array, query: string, input: Uint8Array, outputBytesMax: number }} task
 */
export async function runTransform({ id, state, query, input, outputBytesMax }) {
  if (Atomics.compareExchange(state, 0, 0, 1) !== 0) return { kind: 'given_up' };
  parentPort?.postMessage({ started: id });
  const stdout = createSink(outputBytesMax);
  const stderr = createTail();
  try {
    const jq = await createInstance(input, stdout, stderr);
    const exitCode = jq.callMain(['-c', '-M', '--', query.toWellFormed()]);
    if (exitCode !== 0) return toFailure(exitCode, stderr.toText());
    return { kind: 'text', text: clampNumbers(stdout.toJsonText()) };
  } catch (error) {
    if (error instanceof OutputTooLarge) {
      return {
        kind: 'failure',
        code: 'OUTPUT_TOO_LARGE',
        message: `The jq program wrote more than ${outputBytesMax} bytes, the most a step may return. Select fewer values or fields.`,
      };
    }
    if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) throw error;
    // A failed allocation, a trap and a stack overflow all end here, and nothing is left of the instance.
    return {
      kind: 'failure',
      code: 'TRANSFORM_OUT_OF_MEMORY',
      message:
        'The jq program reached the memory bound of its sandbox (256 MiB of heap, or its stack). Make it build less at once, or give it less data.',
    };
  }
}
