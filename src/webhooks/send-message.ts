import { AosError, createFailure } from '../contracts/failures.ts';
import type { Failure } from '../contracts/failures.ts';
import {
  ENDPOINT_ANSWER_BYTES_MAX,
  ENDPOINT_ANSWER_CHARS_MAX,
  ENDPOINT_SEND_MS_MAX,
} from '../contracts/limits.ts';
import type { EgressGuard } from '../skills/egress.ts';
import { readExcerpt } from '../skills/http/body.ts';
import { withinTime } from '../skills/http/deadline.ts';
import type { HttpResponse } from '../skills/http/exchange.ts';
import { nameOf } from '../skills/http/failures.ts';
import type { HttpRequest } from '../skills/http/request.ts';
import type { RequestSecrets } from '../skills/skill.ts';
import { openSender } from '../skills/http/sender.ts';
import { toDeliveryFailure } from '../skills/webhook/delivery.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What came of one attempt; without a failure the receiver has taken the message. */
export interface SendOutcome {
  at: Date;
  durationMs: number;
  status: number | null;
  answer: string | null;
  failure?: Failure;
}

export interface SendOptions {
  egress: EgressGuard;
  logger: Logger;
  /** Takes the attempt back, without an outcome. */
  signal: AbortSignal;
  /** @default 15 s */
  sendMsMax?: number | undefined;
  /** What is hidden in the answer. */
  secrets: RequestSecrets;
}

/** Sends a message once. Throws when it is taken back: then nobody knows whether it arrived. */
export async function sendMessage(
  makeRequest: (at: Date) => HttpRequest,
  { egress, logger, signal, sendMsMax: timeoutMs = ENDPOINT_SEND_MS_MAX, secrets }: SendOptions,
): Promise<SendOutcome> {
  const at = new Date();
  const startedMs = performance.now();
  const sender = openSender({ egress, meter: { requestsSent: 0, bytesReceived: 0 } });
  const outcome = (rest: Omit<SendOutcome, 'at' | 'durationMs'>): SendOutcome => ({
    at,
    durationMs: Math.round(performance.now() - startedMs),
    ...rest,
  });
  try {
    const request = makeRequest(at);
    const wish = () => ({ kind: 'excerpt' as const, bytesMax: ENDPOINT_ANSWER_BYTES_MAX });
    const response = await withinTime({ signal, timeoutMs }, nameOf(request), () =>
      sender.send(request, wish),
    );
    const { status } = response;
    const facts = { status, answer: previewOf(response, secrets) };
    if (status < 300) return outcome(facts);
    return outcome({
      ...facts,
      failure: (await toDeliveryFailure(request, response, secrets)).failure,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    if (!(error instanceof AosError) || error.failure.code === 'INTERNAL')
      logger.error('webhook.crashed', error);
    return outcome({ status: null, answer: null, failure: failureOf(error, timeoutMs) });
  } finally {
    sender.stop();
  }
}

function failureOf(error: unknown, timeoutMs: number): Failure {
  if (!(error instanceof AosError)) {
    return createFailure('INTERNAL', 'AOS could not send the message; its log has the details.');
  }
  if (error.failure.code !== 'TIMEOUT') return error.failure;
  const fix = 'Let it answer first, and do its work afterwards.';
  return createFailure('TIMEOUT', `The receiver did not answer within ${timeoutMs} ms. ${fix}`);
}

/** Neither a NUL nor half a surrogate pair could be stored. */
function previewOf(response: HttpResponse, secrets: RequestSecrets): string | null {
  const text = secrets.knowsAny()
    ? readHidden(response, secrets)
    : readText(response.body, response);
  const plain = text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
  const cut = plain.slice(0, ENDPOINT_ANSWER_CHARS_MAX).replace(/[\ud800-\udbff]$/, '');
  return cut === '' ? null : cut;
}

const readText = (
  body: Buffer,
  { headers }: HttpResponse,
  hide?: (text: string) => string,
): string => readExcerpt(body, String(headers.get('content-type') ?? ''), hide);

/** Nothing of what cannot be searched; and what was cut off may end within a secret, where nobody would know it. */
function readHidden(response: HttpResponse, secrets: RequestSecrets): string {
  const { body, headers, isWhole } = response;
  if (/[^\s,]/.test(String(headers.get('content-encoding') ?? '').replaceAll(/identity/gi, '')))
    return '';
  const end = isWhole ? body.length : Math.max(0, body.length - secrets.longest());
  return readText(body.subarray(0, end), response, secrets.text);
}
