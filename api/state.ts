import type { RouterContext } from '@koa/router';
import type { FailureCode } from '../src/contracts/failure-codes.ts';
import type { OperationId } from '../src/contracts/routes.ts';
import type { EndedKey } from '../src/keys/key-cache.ts';
import type { Rate } from '../src/rates/rate-limiter.ts';
import type { ApiKey } from '../src/storage/api-keys.ts';

/** What the middleware knows about a request. `key` is set on every route that is not public. */
export interface AosState {
  requestId: string;
  /** The route that the request is for; absent when there is none with this path and method. */
  operation?: OperationId;
  /** The path is one that needs no key. */
  isPublic: boolean;
  key: ApiKey;
  /** The key that was sent, where it has ended: whose it was, for the audit. It may do nothing. */
  endedKey?: EndedKey;
  /** For what waits: refuses a key that has ended since. Errors: UNAUTHENTICATED. */
  checkKeyAgain: () => Promise<void>;
  /** The request has been counted against a rate. */
  isCounted?: boolean;
  /** Where the key stands in its minute, this request counted. */
  rate?: Rate;
  /** The code of the failure that it is answered with. */
  failureCode?: FailureCode;
  /** The run that the request is about, once it is known to be the tenant's. */
  runId?: string;
}

export type AosContext = RouterContext<AosState>;
