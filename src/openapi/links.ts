import { OPERATION_IDS, ROUTES } from '../contracts/routes.ts';

/** What an operation makes: the name that paths have for it, and where its id is in the answer. */
const MADE: Readonly<Record<string, { name: string; at: string }>> = {
  submitRun: { name: 'run_id', at: '/run_id' },
  postGoal: { name: 'run_id', at: '/run_id' },
  createKey: { name: 'key_id', at: '/id' },
  rotateKey: { name: 'key_id', at: '/id' },
  createAgent: { name: 'agent_id', at: '/agent_id' },
};

const namesIn = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);

/** What can be done with what an operation has made. */
export function linksOf(id: string): Record<string, object> {
  const made = MADE[id];
  if (made === undefined) return {};
  const next = OPERATION_IDS.filter((other) => namesIn(ROUTES[other].path).join() === made.name);
  return Object.fromEntries(
    next.map((operationId) => [
      operationId,
      { operationId, parameters: { [made.name]: `$response.body#${made.at}` } },
    ]),
  );
}
