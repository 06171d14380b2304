import { uuidv7 } from 'uuidv7';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import type { OperationId } from '../../src/contracts/routes.ts';
import type { Route } from '../../src/contracts/route.ts';

/** One path of one route: every alias is walked like the path itself. */
export interface Walked {
  operation: OperationId;
  route: Route;
  path: string;
}

export const WALK: readonly Walked[] = OPERATION_IDS.flatMap((operation) => {
  const route = ROUTES[operation];
  return [route.path, ...(route.aliases ?? [])].map((path) => ({ operation, route, path }));
});

/** Parameters whose ids belong to a tenant. */
export const OWNED = [
  'run_id',
  'key_id',
  'agent_id',
  'secret_name',
  'webhook_id',
  'delivery_id',
] as const;
export type Owned = (typeof OWNED)[number];
export type Ids = Record<Owned, string>;

/** Parameters that take such an id under another name. */
const NAMED_OTHERWISE: Readonly<Record<string, Owned>> = { resource_id: 'agent_id' };

/** Routes that answer what they know of a name that names nothing, so that no id is missing to them. */
const ANSWER_ALL: readonly string[] = ['getResourceContract'];

/** Routes that make what their path names, each tenant its own. */
const MAKE_NAMED: readonly string[] = ['putSecret'];

/** Ids of the right form that never were. */
export const idsOfNothing = (): Ids => ({
  run_id: `run_${uuidv7()}`,
  key_id: `key_${uuidv7()}`,
  agent_id: `agent_${uuidv7()}`,
  secret_name: `secret_${uuidv7()}`,
  webhook_id: `webhook_${uuidv7()}`,
  delivery_id: `delivery_${uuidv7()}`,
});

/** What other parameters take, whoever asks. */
const COMMON: Readonly<Record<string, string>> = {
  step_id: 'a',
  skill_id: 'json_transform',
  code: 'INTERNAL',
};

/** Bodies for routes whose own example changes nothing the second time. */
const BODIES: Partial<Record<OperationId, (number: number) => JsonObject>> = {
  submitRun: () => ({
    plan: [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }],
  }),
  updateAccount: (number) => ({ name: `name ${number}` }),
  updateWebhook: (number) => ({ description: `description ${number}` }),
  replayWebhook: () => ({ since: new Date(Date.now() - 60_000).toISOString() }),
};

export const parametersOf = (path: string): string[] =>
  [...path.matchAll(/:([a-z_]+)/g)].map(([, name]) => name!);

export const ownedBy = (name: string): Owned | undefined =>
  OWNED.find((each) => each === name) ?? NAMED_OTHERWISE[name];

/** The ids of tenants that a path takes. */
export const ownedIn = (path: string): Owned[] =>
  parametersOf(path).flatMap((name) => ownedBy(name) ?? []);

/** Whether an id that is not there is answered with 404. */
export const findsOrFails = (walked: Walked): boolean =>
  !ANSWER_ALL.includes(walked.operation) && !makesNamed(walked);

/** Whether the name in its path may be anybody's. */
export const makesNamed = ({ operation }: Walked): boolean => MAKE_NAMED.includes(operation);

/** Parameters that the walk has no id for: `OWNED` or `COMMON` must name them. */
export const unknownParameters = (path: string): string[] =>
  parametersOf(path).filter((name) => ownedBy(name) === undefined && !(name in COMMON));

/** The path with these ids in it. */
export const fill = (path: string, ids: Ids): string =>
  path.replaceAll(/:([a-z_]+)/g, (_, name: string) => {
    const owned = ownedBy(name);
    return owned === undefined ? COMMON[name]! : ids[owned];
  });

let bodies = 0;

/** A body that the route takes; each with an idempotency key of its own, where it has one. */
export function bodyOf({ operation, route }: Walked): JsonObject | undefined {
  if (route.method === 'GET' || route.body === undefined) return undefined;
  bodies += 1;
  const body = BODIES[operation]?.(bodies) ?? route.bodyExample ?? {};
  if (!isJsonObject(body)) throw new Error(`the example of ${operation} is no object`);
  const isKeyed = 'idempotency_key' in route.body.shape;
  return { ...body, ...(isKeyed && { idempotency_key: `walk ${bodies}` }) };
}

/** Whether the route changes something when it is allowed. */
export const changes = ({ method, readOnly }: Route): boolean => method !== 'GET' && !readOnly;
