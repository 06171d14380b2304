import { expect, test } from '@jest/globals';
import Router from '@koa/router';
import { rememberMatches } from '../../api/routes/matched-paths.ts';
import type { AosState } from '../../api/state.ts';

const createRouter = (): Router<AosState> => {
  const router = new Router<AosState>();
  for (const [name, method, path] of [
    ['list', 'get', '/runs'],
    ['submit', 'post', '/runs'],
    ['one', 'get', '/runs/:id'],
  ] as const)
    router.register(path, [method], () => {}, { name });
  return router;
};

test('what is remembered is what is matched: by path, by method, and of no route at all', () => {
  const [remembering, plain] = [rememberMatches(createRouter()), createRouter()];
  const asked = [
    '/runs',
    '/runs/a',
    '/runs/b',
    '/runs/',
    '/RUNS',
    '/none',
    `/runs/${'x'.repeat(500)}`,
  ];
  for (const path of [...asked, ...asked]) {
    for (const method of ['GET', 'POST', 'HEAD', 'PATCH']) {
      const namesOf = (router: Router<AosState>): unknown => {
        const { path: ofPath, pathAndMethod, route } = router.match(path, method);
        const names = (layers: typeof ofPath) => layers.map(({ name }) => name);
        return [names(ofPath), names(pathAndMethod), route];
      };
      const found = { path, method, found: namesOf(remembering) };
      expect(found).toEqual({ path, method, found: namesOf(plain) });
    }
  }
});
