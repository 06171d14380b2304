import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json, JsonObject } from '../../src/contracts/json.ts';

/** What a model says, in the dialect of the path that was asked. */
export interface ModelReply {
  text?: string;
  finish?: 'stop' | 'length' | 'content_filter';
  /** What the model says instead of an answer. */
  refusal?: string;
  /** Tokens, cached ones included. @default 10 in, 5 out */
  tokens?: { input: number; output: number; cached?: number; written?: number };
  /** The usage as it is sent, whatever it is; `undefined` sends none. */
  usage?: Json | undefined;
}

/** What the server does. `raw` has the socket to itself. */
export type Reply =
  | ModelReply
  | { status: number; body?: Json | string; headers?: Record<string, string> }
  | { raw: (response: ServerResponse) => void };

export interface SeenRequest {
  path: string;
  headers: IncomingMessage['headers'];
  body: JsonObject;
}

export interface ScriptedProvider {
  /** `http://127.0.0.1:port` */
  origin: string;
  /** With `/v1`. */
  url: string;
  port: number;
  seen: SeenRequest[];
  /** Sets the replies to the next requests; the last one stays. */
  script(...replies: (Reply | ((request: SeenRequest) => Reply | Promise<Reply>))[]): void;
  stop(): Promise<void>;
}

/** A server of models whose answers a test writes: OpenAI's chat and responses APIs, Anthropic's messages API. */
export async function startScriptedProvider(): Promise<ScriptedProvider> {
  let replies: Parameters<ScriptedProvider['script']> = [{}];
  const seen: SeenRequest[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as JsonObject;
    const one = { path: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    const next = replies.length > 1 ? replies.shift()! : replies[0]!;
    const reply = typeof next === 'function' ? await next(one) : next;
    if ('raw' in reply) return reply.raw(response);
    if ('status' in reply) {
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? ''));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(toDialect(one, reply)));
  }

  const server = createServer((request, response) => {
    // A client that goes away in the middle is what some tests are about.
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    url: `${origin}/v1`,
    port,
    seen,
    script(...next) {
      replies = next;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function toDialect({ path, body }: SeenRequest, reply: ModelReply): Json {
  const model = body['model'] ?? 'none';
  if (path.endsWith('/messages')) return toMessage(model, reply);
  return path.endsWith('/responses') ? toResponse(model, reply) : toCompletion(model, reply);
}

const usageOf = (reply: ModelReply, usual: JsonObject): JsonObject => {
  if (!('usage' in reply)) return { usage: usual };
  return reply.usage === undefined ? {} : { usage: reply.usage };
};

const tokensOf = ({ tokens = { input: 10, output: 5 } }: ModelReply) => ({
  cached: 0,
  written: 0,
  ...tokens,
});

function toCompletion(model: Json, reply: ModelReply): Json {
  const { text = 'Hello.', finish = 'stop', refusal } = reply;
  const { input, output, cached, written } = tokensOf(reply);
  const content = refusal === undefined ? text : null;
  const message = { role: 'assistant', content, ...(refusal !== undefined && { refusal }) };
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message, finish_reason: finish }],
    ...usageOf(reply, {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: {
        cached_tokens: cached,
        ...(written > 0 && { cache_write_tokens: written }),
      },
    }),
  };
}

function toResponse(model: Json, reply: ModelReply): Json {
  const { text = 'Hello.', finish = 'stop', refusal } = reply;
  const { input, output, cached } = tokensOf(reply);
  const reason = finish === 'length' ? 'max_output_tokens' : finish;
  const part =
    refusal === undefined
      ? { type: 'output_text', text, annotations: [] }
      : { type: 'refusal', refusal };
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    model,
    status: finish === 'stop' ? 'completed' : 'incomplete',
    incomplete_details: finish === 'stop' ? null : { reason },
    output: [{ type: 'message', id: 'msg_1', role: 'assistant', content: [part] }],
    ...usageOf(reply, {
      input_tokens: input,
      output_tokens: output,
      input_tokens_details: { cached_tokens: cached },
      output_tokens_details: { reasoning_tokens: 0 },
    }),
  };
}

function toMessage(model: Json, reply: ModelReply): Json {
  const { text = 'Hello.', finish = 'stop', refusal } = reply;
  const { input, output, cached, written } = tokensOf(reply);
  const reasons = { stop: 'end_turn', length: 'max_tokens', content_filter: 'refusal' };
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: refusal ?? text }],
    stop_reason: refusal === undefined ? reasons[finish] : 'refusal',
    stop_sequence: null,
    ...usageOf(reply, {
      input_tokens: input - cached - written,
      output_tokens: output,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: written,
    }),
  };
}
