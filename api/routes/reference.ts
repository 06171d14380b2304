import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { SYSTEM_ROUTES } from '../../src/contracts/routes/system.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';

/** Nothing comes from elsewhere: no fonts, no telemetry, and requests are sent to this server without a proxy. */
const SETTINGS = {
  url: '/openapi.json',
  proxyUrl: '',
  telemetry: false,
  withDefaultFonts: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  documentDownloadType: 'direct',
  agent: { disabled: true },
  mcp: { disabled: true },
};

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>AOS API</title>
    <link rel="icon" href="data:," />
  </head>
  <body>
    <script id="api-reference" data-configuration='${JSON.stringify(SETTINGS)}'></script>
    <script src="/docs/reference.js"></script>
    <noscript>The reference needs JavaScript. The document itself is at /openapi.json.</noscript>
  </body>
</html>
`;

/** The reference page and the script that draws it. Public. */
export function createReferenceHandlers({
  referenceScript,
}: ApiDeps): Handlers<Pick<typeof SYSTEM_ROUTES, 'getReference' | 'getReferenceScript'>> {
  let script: Promise<{ plain: Buffer; zipped: Buffer }> | undefined;
  const load = async () => {
    const plain = await readFile(referenceScript);
    return { plain, zipped: await promisify(gzip)(plain) };
  };
  return {
    getReference(ctx) {
      ctx.set('Cache-Control', 'public, max-age=60');
      ctx.body = PAGE;
      ctx.type = 'text/html';
    },
    async getReferenceScript(ctx) {
      script ??= load().catch((error: unknown) => {
        script = undefined;
        throw error;
      });
      const { plain, zipped } = await script;
      const isZipped = ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
      if (isZipped) ctx.set('Content-Encoding', 'gzip');
      ctx.vary('Accept-Encoding');
      ctx.set('Cache-Control', 'public, max-age=3600');
      ctx.body = isZipped ? zipped : plain;
      ctx.type = 'text/javascript';
    },
  };
}
