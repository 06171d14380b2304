import { Option } from 'commander';
import type { Command } from 'commander';
import { AosError } from '../../contracts/failures.ts';
import { CreateKey } from '../../contracts/key.ts';
import type { KeyView } from '../../contracts/key.ts';
import { PAGE_SIZE_MAX } from '../../contracts/limits.ts';
import { ROLES } from '../../contracts/roles.ts';
import { problemsOfKey } from '../../keys/check-key.ts';
import { createKey } from '../../keys/create-key.ts';
import { revokeKey } from '../../keys/revoke-key.ts';
import { viewKeys } from '../../keys/view-key.ts';
import { listApiKeys } from '../../storage/api-keys.ts';
import { FIRST_TENANT_ID } from '../../storage/tenants.ts';
import { operatorOf } from './deps.ts';
import type { CommandDeps, RunCommand } from './deps.ts';
import { expiryOf } from './expiry.ts';
import { toTable } from './table.ts';
import { requireTenant } from './tenants.ts';

interface Wanted {
  name: string;
  role?: string;
  tenant: string;
  createTenant?: true;
  expires?: string;
  rate?: number;
  budgetCents?: number;
  json?: true;
}

/** The option behind each field of the request. */
const OPTION_OF: Record<string, string> = {
  name: '--name',
  role: '--role',
  expires_at: '--expires',
  rate_limit_per_minute: '--rate',
  budget_cents: '--budget-cents',
};

/** `keys create`, `keys list` and `keys revoke ID`. */
export function addKeyCommands(program: Command, run: RunCommand): void {
  const keys = program.command('keys').description('API keys');
  const tenantOption = ['--tenant <tenant>', 'whose keys', FIRST_TENANT_ID] as const;
  keys
    .command('create')
    .description('make a key; it is shown this once')
    .requiredOption('--name <name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('viewer'))
    .option(...tenantOption)
    .option('--create-tenant', 'make the tenant if it is not there')
    .option('--expires <when>', '30d, 12h or 5m from now on, or a moment like 2030-01-31T12:00:00Z')
    .option('--rate <number>', 'requests a minute', Number)
    .option('--budget-cents <cents>', 'a budget of its own', Number)
    .option('--json', 'print JSON')
    .action((wanted: Wanted) => run((deps) => create(deps, wanted)));
  keys
    .command('list')
    .description('the keys of a tenant, newest first')
    .option(...tenantOption)
    .option('--json', 'print JSON')
    .action(({ tenant, json }: { tenant: string; json?: true }) =>
      run(async (deps) => {
        const all = await listAll(deps, tenant);
        return json ? JSON.stringify(all) : toTable(all.map(rowOf));
      }),
    );
  keys
    .command('revoke <id>')
    .description('end a key; it stops within a second')
    .option(...tenantOption)
    .option('--json', 'print JSON')
    .action((id: string, { tenant, json }: { tenant: string; json?: true }) =>
      run(async (deps) => {
        const row = await revokeKey(deps, operatorOf(tenant), id).catch((error: unknown) => {
          if (!(error instanceof AosError) || error.failure.code !== 'KEY_NOT_FOUND') throw error;
          throw new Error(`Tenant ${tenant} has no key ${id}. Name another one with --tenant.`);
        });
        const [view] = await viewKeys(deps, tenant, [row]);
        return json ? JSON.stringify(view) : `${row.id} (${row.name}) is revoked.`;
      }),
    );
}

async function create(deps: CommandDeps, wanted: Wanted): Promise<string> {
  const { tenant, expires } = wanted;
  const parsed = CreateKey.safeParse({
    name: wanted.name,
    role: wanted.role,
    expires_at: expires && expiryOf(expires, Date.now()),
    rate_limit_per_minute: wanted.rate,
    budget_cents: wanted.budgetCents,
  });
  const shape = parsed.error?.issues.map(({ path, message }) => ({ field: path[0], message }));
  if (!parsed.success) throw wrong(shape!);
  await requireTenant(deps.pool, tenant, wanted.createTenant === true);
  const problems = await problemsOfKey(deps.pool, tenant, parsed.data);
  if (problems.length > 0)
    throw wrong(problems.map(({ pointer, message }) => ({ field: pointer.slice(1), message })));
  const { row, key } = await createKey(deps, operatorOf(tenant), parsed.data);
  const [view] = await viewKeys(deps, tenant, [row]);
  if (wanted.json) return JSON.stringify({ ...view, key });
  console.error(`${row.id} (${row.role} of tenant ${tenant}); the key is shown this once:`);
  return key;
}

const wrong = (problems: readonly { field: PropertyKey | undefined; message: string }[]): Error =>
  new Error(
    problems
      .map(({ field, message }) => `${OPTION_OF[String(field)] ?? String(field)}: ${message}`)
      .join('\n'),
  );

async function listAll(deps: CommandDeps, tenantId: string): Promise<KeyView[]> {
  const all: KeyView[] = [];
  let after: { createdAt: string; id: string } | undefined;
  do {
    const rows = await listApiKeys(deps.pool, tenantId, { after, limit: PAGE_SIZE_MAX });
    all.push(...(await viewKeys(deps, tenantId, rows)));
    const last = rows.length === PAGE_SIZE_MAX ? rows.at(-1) : undefined;
    after = last && { createdAt: last.cursor_at, id: last.id };
  } while (after !== undefined);
  return all;
}

const rowOf = (view: KeyView): Record<string, string> => ({
  id: view.id,
  name: view.name,
  role: view.role,
  status: view.status,
  prefix: view.prefix,
  'last used': view.last_used_at ?? 'never',
  expires: view.expires_at ?? 'never',
});
