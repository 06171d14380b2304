import { AosError } from '../../contracts/failures.ts';
import { hostRefusal } from '../../domain/allowed-hosts.ts';
import type { EgressGuard } from '../egress.ts';
import { exchange } from './exchange.ts';
import type { BodyWish, HttpResponse, Meter, ResponseHead } from './exchange.ts';
import { toTooLargeFailure, toTransportFailure } from './failures.ts';
import { fillRequest } from './fill-request.ts';
import type { HttpRequest } from './request.ts';
import type { RequestSecrets } from '../skill.ts';

/** What requests are sent through, and what counts them. */
export interface SenderDeps {
  egress: EgressGuard;
  meter: Meter;
  /** What the agent may reach; absent: all. */
  allowedHosts?: readonly string[] | undefined;
  secrets?: RequestSecrets | undefined;
}

/** Sends requests one by one, each checked by the agent's hosts and by the guard; `stop` ends every connection. */
export interface Sender {
  /** Rejects with an AosError when no response has come; any status is a response. */
  send(request: HttpRequest, wish: (head: ResponseHead) => BodyWish): Promise<HttpResponse>;
  stop: () => void;
}

/** Opens a sender for one call of a skill. */
export function openSender({ egress, meter, allowedHosts, secrets }: SenderDeps): Sender {
  const connections = egress.open();
  let sent = 0;
  return {
    async send(request, wish) {
      const isRedirect = sent > 0;
      sent += 1;
      await secrets?.meet(request.url);
      const unsafe = secrets?.refusalOf(request.url, isRedirect);
      if (unsafe !== undefined) throw unsafe;
      if (allowedHosts !== undefined) refuseOtherHosts(request.url, allowedHosts);
      const refusal = egress.checkUrl(request.url);
      if (refusal !== undefined) throw refusal;
      const tooLarge = (bytesMax: number): AosError => toTooLargeFailure(request, bytesMax);
      const sentBefore = meter.requestsSent;
      const { dispatcher } = connections;
      try {
        const filled = secrets === undefined ? request : fillRequest(request, secrets);
        return await exchange(filled, { dispatcher, meter, wish, tooLarge });
      } catch (error) {
        throw toTransportFailure(error, request, meter.requestsSent > sentBefore);
      }
    },
    stop: () => connections.close(),
  };
}

/** Errors: HOST_NOT_ALLOWED. */
function refuseOtherHosts(url: URL, allowedHosts: readonly string[]): void {
  const refusal = hostRefusal(url, allowedHosts);
  if (refusal === undefined) return;
  const limit = { name: 'allowed_hosts', value: [...allowedHosts], asked: url.host };
  throw new AosError('HOST_NOT_ALLOWED', refusal, { limit });
}
