import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import { createQuerySchema } from '../../src/query/query-schema.ts';
import type { Handlers } from '../handlers.ts';

/** The schema of questions in the typed language. */
export function createQuerySchemaHandlers(): Handlers<
  Pick<typeof RUNTIME_ROUTES, 'getQuerySchema'>
> {
  const text = JSON.stringify(createQuerySchema());
  return {
    getQuerySchema(ctx) {
      ctx.type = 'application/json';
      ctx.body = text;
    },
  };
}
