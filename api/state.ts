import type { RouterContext } from '@koa/router';
import type { ApiKey } from '../src/storage/api-keys.ts';

/** What the middleware knows about a request. `key` is set on every route that is not public. */
export interface AosState {
  requestId: string;
  key: ApiKey;
}

export type AosContext = RouterContext<AosState>;
