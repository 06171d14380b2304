import type { Json } from '../../contracts/json.ts';
import { mayAct } from '../../contracts/roles.ts';
import type { Role } from '../../contracts/roles.ts';
import { ROUTES } from '../../contracts/routes.ts';
import type { OperationId } from '../../contracts/routes.ts';
import type { NextAction } from '../../contracts/run-questions.ts';

/** An action, and the operation that decides who may do it. */
export interface Proposed {
  operation: OperationId;
  action: NextAction;
}

interface Wording {
  why: string;
  parameters?: Record<string, string>;
  query?: string;
  body?: Json;
}

/** Writes an action from the route of its operation, so that method, path and role are those that are served. */
export function propose(
  name: NextAction['action'],
  operation: OperationId,
  { why, parameters = {}, query = '', body }: Wording,
): Proposed {
  const { method, path } = ROUTES[operation];
  const filled = path.replaceAll(/:([a-z_]+)/g, (_, parameter: string) =>
    encodeURIComponent(parameters[parameter] ?? ''),
  );
  const action = {
    action: name,
    method,
    path: filled + query,
    ...(body !== undefined && { body }),
    why,
  };
  return { operation, action };
}

export function mayBeDone({ operation }: Proposed, role: Role): boolean {
  const needed = ROUTES[operation].role;
  return needed === 'public' || mayAct(role, needed);
}
