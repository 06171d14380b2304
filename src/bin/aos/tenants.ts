import type { Command } from 'commander';
import { recordChange } from '../../storage/audit-entries.ts';
import { withTransaction } from '../../storage/pool.ts';
import type { Pool } from '../../storage/pool.ts';
import { ensureTenant, findTenant, FIRST_TENANT_ID, listTenants } from '../../storage/tenants.ts';
import { operatorOf } from './deps.ts';
import type { RunCommand } from './deps.ts';
import { toTable } from './table.ts';

const NAME = /^[a-z\d][a-z\d_-]{0,62}$/;

/** `tenants create NAME` and `tenants list`. */
export function addTenantCommands(program: Command, run: RunCommand): void {
  const tenants = program.command('tenants').description('those whose runs and money are apart');
  tenants
    .command('create <name>')
    .description('make a tenant; give it a key with: keys create --tenant NAME')
    .option('--json', 'print JSON')
    .action((name: string, { json }: { json?: true }) =>
      run(async ({ pool }) => {
        if (!(await makeTenant(pool, name))) throw new Error(`There is a tenant ${name} already.`);
        return json ? JSON.stringify({ id: name, name }) : `Tenant ${name} is made.`;
      }),
    );
  tenants
    .command('list')
    .description('every tenant')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: true }) =>
      run(async ({ pool }) => {
        const rows = await listTenants(pool);
        if (json) return JSON.stringify(rows);
        return toTable(rows.map((row) => ({ id: row.id, created: row.created_at.toISOString() })));
      }),
    );
}

/** Sees to it that the tenant is there; the first one always may be. */
export async function requireTenant(pool: Pool, id: string, mayMake: boolean): Promise<void> {
  if (await findTenant(pool, id)) return;
  if (!mayMake && id !== FIRST_TENANT_ID) {
    throw new Error(
      `There is no tenant ${id}. Make it with \`npm run aos -- tenants create ${id}\`, or add --create-tenant.`,
    );
  }
  await makeTenant(pool, id);
}

async function makeTenant(pool: Pool, id: string): Promise<boolean> {
  if (!NAME.test(id)) {
    throw new Error(
      `"${id}" cannot be the name of a tenant: it takes up to 63 of a to z, 0 to 9, - and _, the first no - or _.`,
    );
  }
  return withTransaction(pool, async (tx) => {
    const isNew = await ensureTenant(tx, id);
    if (isNew) {
      const detail = { made: 'tenant' };
      await recordChange(tx, operatorOf(id), { operation: 'aos', subject: id, detail });
    }
    return isNew;
  });
}
