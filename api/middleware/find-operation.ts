import type Router from '@koa/router';
import type { Middleware } from 'koa';
import { ROUTES } from '../../src/contracts/routes.ts';
import type { OperationId } from '../../src/contracts/routes.ts';
import type { AosState } from '../state.ts';

/** Finds the route of a request before anything decides about it. */
export const findOperation =
  (router: Router<AosState>): Middleware<AosState> =>
  (ctx, next) => {
    const { path, pathAndMethod } = router.match(ctx.path, ctx.method);
    const [layer] = pathAndMethod;
    if (layer?.name !== undefined) ctx.state.operation = layer.name as OperationId;
    ctx.state.isPublic = path.some(({ name }) => ROUTES[name as OperationId].role === 'public');
    return next();
  };
