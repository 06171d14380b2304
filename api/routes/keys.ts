import { CreateKey, RotateKey } from '../../src/contracts/key.ts';
import type { CreatedKey, KeyPage } from '../../src/contracts/key.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import type { KEY_ROUTES } from '../../src/contracts/routes/keys.ts';
import { PageQuery } from '../../src/contracts/run-query.ts';
import { problemsOfExpiry, problemsOfKey } from '../../src/keys/check-key.ts';
import { createKey } from '../../src/keys/create-key.ts';
import type { MadeKey } from '../../src/keys/create-key.ts';
import { findKey } from '../../src/keys/find-key.ts';
import { revokeKey } from '../../src/keys/revoke-key.ts';
import { rotateKey } from '../../src/keys/rotate-key.ts';
import { viewKeys } from '../../src/keys/view-key.ts';
import { listApiKeys } from '../../src/storage/api-keys.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { actorOf } from '../requests/actor-of.ts';
import { readCursor } from '../requests/cursor.ts';
import { toPage } from '../requests/page.ts';
import { parseBody, refused } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';
import { parseQuery } from '../requests/run-query.ts';
import type { AosContext } from '../state.ts';

export const createKeyHandlers = (
  deps: ApiDeps,
): Handlers<Omit<typeof KEY_ROUTES, 'getMe' | 'getRbac'>> => ({
  async createKey(ctx) {
    const { value, warnings } = parseBody(CreateKey, await readJson(ctx.req));
    const problems = await problemsOfKey(deps.pool, ctx.state.key.tenant_id, value);
    if (problems.length > 0) throw refused(problems);
    await answerMade(ctx, deps, await createKey(deps, actorOf(ctx), value), warnings);
  },

  async listKeys(ctx) {
    const { tenant_id: tenantId } = ctx.state.key;
    const { limit, cursor } = parseQuery(PageQuery, ctx.query);
    const after = cursor === undefined ? undefined : readCursor(cursor, 'key');
    const rows = await listApiKeys(deps.pool, tenantId, { after, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => row);
    const body: KeyPage = { ...page, data: await viewKeys(deps, tenantId, page.data) };
    ctx.body = body;
  },

  async getKey(ctx) {
    const { tenant_id: tenantId } = ctx.state.key;
    const row = await findKey(deps.pool, tenantId, ctx.params['key_id']!);
    [ctx.body] = await viewKeys(deps, tenantId, [row]);
  },

  async revokeKey(ctx) {
    const row = await revokeKey(deps, actorOf(ctx), ctx.params['key_id']!);
    [ctx.body] = await viewKeys(deps, row.tenant_id, [row]);
  },

  async rotateKey(ctx) {
    const { value, warnings } = parseBody(RotateKey, await readJson(ctx.req));
    const problems = problemsOfExpiry(value.expires_at);
    if (problems.length > 0) throw refused(problems);
    const made = await rotateKey(deps, actorOf(ctx), ctx.params['key_id']!, value);
    await answerMade(ctx, deps, made, warnings);
  },
});

async function answerMade(
  ctx: AosContext,
  deps: ApiDeps,
  { row, key }: MadeKey,
  warnings: Problem[],
): Promise<void> {
  const [view] = await viewKeys(deps, row.tenant_id, [row]);
  const body: CreatedKey = { ...view!, key, warnings };
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Location', `/api/v1/keys/${row.id}`);
  ctx.status = 201;
  ctx.body = body;
}
