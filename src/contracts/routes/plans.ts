import type { Route } from '../route.ts';

export const PLAN_ROUTES = {} as const satisfies Record<string, Route>;
