import type Router from '@koa/router';
import { LRUCache } from 'lru-cache';
import { MATCHED_PATH_LENGTH_MAX, MATCHED_PATHS_MAX } from '../../src/contracts/limits.ts';
import type { AosState } from '../state.ts';

/**
 * Has a router that has all its routes remember which of them a path has. Each request asks twice, once to know its route
 * before anything decides about it and once to be served, and to try all patterns takes longer than many an answer.
 */
export function rememberMatches(router: Router<AosState>): Router<AosState> {
  const match = router.match.bind(router);
  const known = new LRUCache<string, ReturnType<typeof match>>({ max: MATCHED_PATHS_MAX });
  router.match = (path, method) => {
    const name = `${method} ${path}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    const found = match(path, method);
    if (name.length <= MATCHED_PATH_LENGTH_MAX) known.set(name, found);
    return found;
  };
  return router;
}
