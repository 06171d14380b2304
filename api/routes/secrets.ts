import type { SECRET_ROUTES } from '../../src/contracts/routes/secrets.ts';
import { PageQuery } from '../../src/contracts/run-query.ts';
import { SECRET_NAME_PATTERN } from '../../src/contracts/secret-name.ts';
import { PutSecret } from '../../src/contracts/secret.ts';
import type { DeletedSecret } from '../../src/contracts/secret.ts';
import { deleteSecret } from '../../src/secrets/delete-secret.ts';
import { secretNotFound } from '../../src/secrets/failures.ts';
import { problemsOfSecret } from '../../src/secrets/check-secret.ts';
import { putSecret } from '../../src/secrets/put-secret.ts';
import { viewSecret } from '../../src/secrets/view-secret.ts';
import { findSecret, listSecrets } from '../../src/storage/secrets.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { readNameCursor } from '../requests/cursor.ts';
import { toPageOfNames } from '../requests/page.ts';
import { parseBody, refused } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { parseQuery } from '../requests/run-query.ts';
import type { AosContext } from '../state.ts';

/** The secrets of a tenant. Nothing here answers a value. */
export const createSecretHandlers = (deps: ApiDeps): Handlers<typeof SECRET_ROUTES> => ({
  async putSecret(ctx) {
    const name = ctx.params['secret_name']!;
    const { value: body, warnings } = parseBody(PutSecret, await readJson(ctx.req, true));
    const problems = problemsOfSecret(name, body.value);
    if (problems.length > 0) throw refused(problems);
    const row = await putSecret(deps, actorOf(ctx), name, body);
    ctx.status = row.version === 1 ? 201 : 200;
    if (ctx.status === 201) ctx.set('Location', `/api/v1/secrets/${name}`);
    ctx.body = { ...viewSecret(row), warnings };
  },

  async listSecrets(ctx) {
    const { limit, cursor } = parseQuery(PageQuery, ctx.query);
    const after = cursor === undefined ? undefined : readNameCursor(cursor, SECRET_NAME_PATTERN);
    const { tenant_id: tenantId } = ctx.state.key;
    const rows = await listSecrets(deps.pool, tenantId, { after, limit: limit + 1 });
    ctx.body = toPageOfNames(rows, limit, viewSecret);
  },

  async getSecret(ctx) {
    const name = nameOf(ctx);
    const row = await findSecret(deps.pool, ctx.state.key.tenant_id, name);
    if (!row) throw secretNotFound(name);
    ctx.body = viewSecret(row);
  },

  async deleteSecret(ctx) {
    const name = nameOf(ctx);
    await deleteSecret(deps.pool, actorOf(ctx), name);
    const body: DeletedSecret = { name, deleted: true };
    ctx.body = body;
  },
});

/** What no secret can be called is not looked for. Errors: SECRET_NOT_FOUND. */
function nameOf(ctx: AosContext): string {
  const name = ctx.params['secret_name']!;
  if (!SECRET_NAME_PATTERN.test(name)) throw secretNotFound(name);
  return name;
}
