import type { Route } from '../route.ts';

export const KEY_ROUTES = {} as const satisfies Record<string, Route>;
