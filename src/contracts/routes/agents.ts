import type { Route } from '../route.ts';

export const AGENT_ROUTES = {} as const satisfies Record<string, Route>;
