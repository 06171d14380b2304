import { z } from 'zod';
import type { Json, JsonObject } from '../contracts/json.ts';
import {
  HTTP_HEADERS_MAX,
  HTTP_REDIRECTS_MAX,
  HTTP_RESPONSE_BYTES_MAX,
  HTTP_TIMEOUT_DEFAULT_MS,
  HTTP_TIMEOUT_MAX_MS,
  HTTP_URL_LENGTH_MAX,
} from '../contracts/limits.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { EgressGuard } from './egress.ts';
import { withinTime } from './http/deadline.ts';
import type { Meter } from './http/exchange.ts';
import { nameOf } from './http/failures.ts';
import { hideInFailure, viewForeign, viewHidden } from './http/hide-secrets.ts';
import { callMetered, worstCaseOf } from './http/metered-call.ts';
import type { MeteredCall } from './http/metered-call.ts';
import {
  HttpCallParams,
  methodOf,
  parseParams,
  responseBytesMaxOf,
  timeoutMsOf,
} from './http/params.ts';
import type { HttpPrices } from './http/prices.ts';
import { toHttpRequest } from './http/request.ts';
import { startSending } from './http/send.ts';
import type { SentResponse } from './http/send.ts';
import type { RequestSecrets, Skill, SkillCall } from './skill.ts';

/** What `http_call` takes, gives and promises. */
export const httpCallContract: SkillContract = {
  id: 'http_call',
  name: 'HTTP call',
  version: '1.0.0',
  description:
    'Sends one HTTP request and gives the response; a status from 400 is a failure. JSON is parsed, other text is a ' +
    'string, anything else base64. Every try of a step sends the same Idempotency-Key, unless the plan sets that ' +
    'header. Redirects are followed without credentials to other origins. Private addresses cannot be reached. Where the ' +
    'agent has `allowed_hosts`, no other host can be reached, nor redirected to. `headers`, `query` and `body` may hold ' +
    '`{{secrets.NAME}}`; such a call goes only to the hosts of its secrets. In what a host answers, all secrets that may ' +
    'be sent to it are hidden.',
  params: HttpCallParams,
  output: z.object({
    status_code: z.int(),
    headers: z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .describe('Names in lower case; only `set-cookie` is a list.'),
    body: z.unknown().describe('Any JSON; null when there is none.'),
    body_encoding: z.literal('base64').optional(),
    body_error: z.string().optional().describe('Why a body stated to be JSON was not parsed.'),
    url: z.string().describe('Where the last redirect led.'),
    redirects: z.int(),
    bytes: z.int().describe('Bytes of body received, before decompression.'),
    duration_ms: z.int(),
  }),
  cost: {
    per: 'call',
    base_micro_cents: 0,
    note: 'Free, unless the operator has set a price for the host: then by call and by MiB received.',
  },
  latency: { typical_ms: 300 },
  timeout: { default_ms: HTTP_TIMEOUT_DEFAULT_MS, max_ms: HTTP_TIMEOUT_MAX_MS },
  retry: { max_attempts: 3 },
  limits: {
    response_bytes_max: HTTP_RESPONSE_BYTES_MAX,
    redirects_max: HTTP_REDIRECTS_MAX,
    url_length_max: HTTP_URL_LENGTH_MAX,
    headers_max: HTTP_HEADERS_MAX,
  },
  side_effects: 'outside',
  idempotent: 'depends',
  failure_modes: [
    { code: 'HTTP_5XX', description: 'The server fails.', probability: 0.02 },
    { code: 'HTTP_4XX', description: 'The server refuses the request.', probability: 0.02 },
    { code: 'TIMEOUT', description: 'The server is slow.', probability: 0.01 },
    { code: 'CONNECT_FAILED', description: 'The server cannot be reached.', probability: 0.005 },
    { code: 'CONNECTION_LOST', description: 'The response breaks off.', probability: 0.005 },
    { code: 'DNS_FAILED', description: 'The name does not resolve.', probability: 0.003 },
    { code: 'TLS_FAILED', description: 'The certificate is not valid.', probability: 0.002 },
    {
      code: 'PARAMS_INVALID',
      description: 'The URL or a header is not valid.',
      probability: 0.002,
    },
    {
      code: 'RESPONSE_TOO_LARGE',
      description: 'The response is over its cap.',
      probability: 0.002,
    },
    { code: 'REDIRECT_REFUSED', description: 'Redirects end nowhere.', probability: 0.001 },
    { code: 'RESPONSE_INVALID', description: 'The response is no HTTP.', probability: 0.001 },
    { code: 'EGRESS_BLOCKED', description: 'The target is not public.', probability: 0.001 },
    { code: 'HOST_NOT_ALLOWED', description: 'The agent may not go there.', probability: 0.001 },
    { code: 'SECRET_NOT_FOUND', description: 'A secret was deleted.', probability: 0.001 },
    {
      code: 'SECRET_HOST_NOT_ALLOWED',
      description: 'A secret may not go there.',
      probability: 0.001,
    },
  ],
  inline: false,
  secrets_in: ['headers', 'query', 'body'],
  passes_on: 'body',
};

const IDEMPOTENT_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

/** What the skill is made of. */
export interface HttpCallDeps {
  egress: EgressGuard;
  prices: HttpPrices;
}

/** Creates the skill `http_call`: one request, guarded, priced and bounded. */
export function createHttpCall({ egress, prices }: HttpCallDeps): Skill {
  async function perform(call: SkillCall, meter: Meter): Promise<Json> {
    const startedAt = performance.now();
    const params = parseParams(HttpCallParams, call.params);
    const request = toHttpRequest(params, call);
    const responseBytesMax = responseBytesMaxOf(call.params);
    const followRedirects = params.follow_redirects;
    const { allowedHosts, secrets } = call;
    const deps = {
      egress,
      prices,
      meter,
      allowedHosts,
      secrets,
      responseBytesMax,
      followRedirects,
    };
    const sending = startSending(request, deps);
    try {
      const response = await withinTime(call, nameOf(request), sending.send);
      return await toOutput(response, meter, performance.now() - startedAt, secrets);
    } finally {
      sending.stop();
    }
  }

  const meteredBy = (params: JsonObject): MeteredCall => ({
    skillId: httpCallContract.id,
    params,
    prices,
    responseBytesMax: responseBytesMaxOf(params),
  });

  return {
    contract: httpCallContract,
    worstCaseMicroCents: (params) => worstCaseOf(meteredBy(params)),
    isIdempotent: (params) => IDEMPOTENT_METHODS.includes(methodOf(params)),
    timeoutMs: timeoutMsOf,
    async call(call) {
      const result = await callMetered(meteredBy(call.params), (meter) => perform(call, meter));
      return hideInFailure(result, call.secrets);
    },
  };
}

async function toOutput(
  response: SentResponse,
  meter: Meter,
  durationMs: number,
  secrets: RequestSecrets | undefined,
): Promise<Json> {
  const { status, headers, body, url, redirects } = response;
  return {
    status_code: status,
    ...(await viewForeign(headers, url, (type) => viewHidden(body, type, secrets), secrets)),
    redirects,
    bytes: meter.bytesReceived,
    duration_ms: Math.round(durationMs),
  };
}
