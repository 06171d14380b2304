import type { OperationId } from '../src/contracts/routes.ts';
import type { AosContext } from './state.ts';

export type Handler = (ctx: AosContext) => void | Promise<void>;

/** One handler for each route of a table: a route without one does not compile. */
export type Handlers<Routes = Record<OperationId, unknown>> = Record<keyof Routes, Handler>;
