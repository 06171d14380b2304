import type { RouterContext } from '@koa/router';
import type { ApiKey } from '../src/storage/api-keys.ts';

/** What the middleware knows about a request. `key` is set on every route that is not public. */
export interface AosState {
  requestId: string;
  key: ApiKey;
  /** The run that the request is about, once it is known to be the tenant's. */
  runId?: string;
}

export type AosContext = RouterContext<AosState>;
