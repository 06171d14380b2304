import type { Middleware } from 'koa';
import { AosError } from '../../src/contracts/failures.ts';
import { mayAct } from '../../src/contracts/roles.ts';
import { ROUTES } from '../../src/contracts/routes.ts';
import type { AosState } from '../state.ts';

/** Refuses what the key's role may not do, before the body is read. */
export const authorize = (): Middleware<AosState> => (ctx, next) => {
  const { operation, key } = ctx.state;
  const role = operation === undefined ? 'public' : ROUTES[operation].role;
  if (role === 'public' || mayAct(key.role, role)) return next();
  const { method, path } = ROUTES[operation!];
  throw new AosError(
    'FORBIDDEN',
    `${method} ${path} takes a key of the role ${role}; the role of this key is ${key.role}.`,
  );
};
