import type { Route } from '../route.ts';

export const COMPAT_ROUTES = {} as const satisfies Record<string, Route>;
