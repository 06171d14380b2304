import { AosError } from '../../contracts/failures.ts';
import { WEBHOOK_RESPONSE_BYTES_MAX } from '../../contracts/limits.ts';
import { decodeContent, isReadable } from '../http/body.ts';
import type { BodyView } from '../http/body.ts';
import type { BodyWish, HttpResponse, ResponseHead } from '../http/exchange.ts';
import {
  ERROR_BODY_BYTES_MAX,
  nameOf,
  readStatusFailure,
  toTooLargeFailure,
} from '../http/failures.ts';
import { viewHidden } from '../http/hide-secrets.ts';
import type { HttpRequest } from '../http/request.ts';
import type { Sender } from '../http/sender.ts';
import type { RequestSecrets } from '../skill.ts';

/** What the receiver said when it took the message. */
export interface Receipt extends ResponseHead {
  view: BodyView;
}

/** Sends a message once; rejects with an AosError unless the receiver took it, which it says with a status from 200 to 299. */
export async function deliver(
  sender: Sender,
  request: HttpRequest,
  secrets?: RequestSecrets,
): Promise<Receipt> {
  const response = await sender.send(request, wishOf);
  const { status, headers } = response;
  if (status >= 300) throw await toDeliveryFailure(request, response, secrets);
  return { status, headers, view: await readView(request, response, secrets) };
}

function wishOf({ status }: ResponseHead): BodyWish {
  // One byte more shows whether there is more than may be kept.
  if (status < 300) return { kind: 'excerpt', bytesMax: WEBHOOK_RESPONSE_BYTES_MAX + 1 };
  return { kind: 'excerpt', bytesMax: status < 400 ? 0 : ERROR_BODY_BYTES_MAX };
}

/** What an answer that is no success means to the sender of a message. */
export async function toDeliveryFailure(
  request: HttpRequest,
  response: HttpResponse,
  secrets?: RequestSecrets,
): Promise<AosError> {
  const { status } = response;
  if (status < 400) {
    // Where it points to stays unsaid: such addresses may hold secrets.
    return new AosError(
      'REDIRECT_REFUSED',
      `${nameOf(request)} answered ${status}, and a webhook follows no redirect. Use the final URL.`,
      { upstream_status: status },
    );
  }
  const error = await readStatusFailure(request, response, secrets);
  const { code, message, retry_after_ms: retryAfterMs } = error.failure;
  if (status === 410) return new AosError('WEBHOOK_GONE', message, { upstream_status: status });
  if (status !== 429) return error;
  // Unlike a call of any kind, a message may always be sent again: its id tells that it is the same one.
  const facts = { upstream_status: status, retryable: true, retry_after_ms: retryAfterMs };
  return new AosError(code, message, facts);
}

/** The message has arrived, so a body that cannot be shown is no failure. */
async function readView(
  request: HttpRequest,
  response: HttpResponse,
  secrets: RequestSecrets | undefined,
): Promise<BodyView> {
  const { headers, body, isWhole } = response;
  if (body.length > WEBHOOK_RESPONSE_BYTES_MAX) return unseen('is larger than its cap');
  if (!isWhole) return unseen('did not come to its end in time');
  const encoding = String(headers.get('content-encoding') ?? '');
  if (secrets?.knowsAny() === true && !isReadable(encoding))
    return unseen('is in an encoding that cannot be searched for secrets');
  const tooLarge = (bytesMax: number): AosError => toTooLargeFailure(request, bytesMax);
  try {
    const decoded = await decodeContent(body, encoding, WEBHOOK_RESPONSE_BYTES_MAX, tooLarge);
    return await viewHidden(decoded, String(headers.get('content-type') ?? ''), secrets);
  } catch {
    return unseen('is larger than its cap, or not in the encoding that it states');
  }
}

const unseen = (why: string): BodyView => ({
  body: null,
  body_error: `The body of the response ${why}, so it is not shown.`,
});
