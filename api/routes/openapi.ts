import { createHash } from 'node:crypto';
import type { SYSTEM_ROUTES } from '../../src/contracts/routes/system.ts';
import { createDocument } from '../../src/openapi/document.ts';
import type { Handlers } from '../handlers.ts';

/** The document that is made from the table of routes. Public. */
export function createOpenApiHandlers(): Handlers<Pick<typeof SYSTEM_ROUTES, 'getOpenApi'>> {
  let made: { text: string; etag: string } | undefined;
  const make = () => {
    const text = JSON.stringify(createDocument());
    return { text, etag: `"${createHash('sha256').update(text).digest('hex')}"` };
  };
  return {
    getOpenApi(ctx) {
      made ??= make();
      ctx.set('ETag', made.etag);
      ctx.set('Cache-Control', 'public, max-age=60');
      ctx.body = made.text;
      ctx.type = 'application/json';
    },
  };
}
