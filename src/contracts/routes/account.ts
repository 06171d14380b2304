import type { Route } from '../route.ts';

export const ACCOUNT_ROUTES = {} as const satisfies Record<string, Route>;
