import pg from 'pg';

export const TENANT = 'bench';
export const RUNS = 100_000;
export const EVENTS_PER_RUN = 10;
export const AGENT = 'agent_7';

/** What a month of work leaves behind, a tenth of it another tenant's; made by Postgres itself. */
const STATEMENTS = [
  // What is made here refers to what is made here.
  `SET session_replication_role = 'replica'`,
  `INSERT INTO tenants (id, name) VALUES ('bench', 'bench'), ('other', 'other')`,
  `CREATE TEMP TABLE made AS
   SELECT n, CASE WHEN n <= $runs THEN 'bench' ELSE 'other' END AS tenant, 'run_' || gen_random_uuid() AS id,
     'agent_' || n % 20 AS agent, now() - (n::float8 / ($runs * 1.1)) * interval '30 days' AS at,
     CASE WHEN n % 100 < 4 THEN 'failed' WHEN n % 100 = 4 THEN 'cancelled' WHEN n % 1000 = 5 THEN 'running' ELSE 'succeeded' END AS status
   FROM generate_series(1, ($runs * 1.1)::integer) n`,
  `INSERT INTO accounts (id, tenant_id) SELECT 'tenant/' || id, id FROM tenants`,
  `INSERT INTO accounts (id, tenant_id, parent_id, settled_micro_cents) SELECT id, tenant, 'tenant/' || tenant, 600000 FROM made`,
  `INSERT INTO runs (id, tenant_id, account_id, agent_id, goal, labels, plan, status, max_parallel, budget_micro_cents,
     cost_micro_cents, price_table_version, failure, failure_code, created_at, started_at, completed_at, deadline_at, ancestor_accounts)
   SELECT id, tenant, id, agent, 'Look up item ' || n, jsonb_build_object('team', 'team ' || n % 10, 'env', CASE WHEN n % 4 = 0 THEN 'test' ELSE 'live' END),
     '[]', status, 4, 100000000, 600000, 'none',
     CASE WHEN status = 'failed' THEN '{"type":"x","message":"no","code":"' || (ARRAY['HTTP_5XX','HTTP_4XX','TIMEOUT','FS_NOT_FOUND'])[1 + n / 100 % 4] || '"}' END,
     CASE WHEN status = 'failed' THEN (ARRAY['HTTP_5XX','HTTP_4XX','TIMEOUT','FS_NOT_FOUND'])[1 + n / 100 % 4] END,
     at, at + interval '20 ms', CASE WHEN status <> 'running' THEN at + (100 + n % 5000) * interval '1 ms' END, at + interval '1 day',
     ARRAY['tenant/' || tenant] FROM made`,
  `INSERT INTO steps (run_id, id, index, skill, inline, depends_on, spec, status, tries, cost_micro_cents, failure, started_at, completed_at)
   SELECT m.id, 'step_' || i, i, (ARRAY['http_call','llm_invoke','webhook_send'])[i + 1], false, '{}', '{"params":{}}',
     CASE WHEN i = 2 AND m.status = 'failed' THEN 'failed' ELSE 'succeeded' END, 1, 200000,
     CASE WHEN i = 2 AND m.status = 'failed' THEN '{"type":"x","message":"no","code":"HTTP_5XX"}' END,
     m.at + i * interval '30 ms', m.at + (i * 30 + 10 + (m.n * 7919) % 997) * interval '1 ms'
   FROM made m, generate_series(0, 2) i`,
  `INSERT INTO transactions (account_id, idempotency_key, kind, hold_id, amount_micro_cents, reserved_change_micro_cents,
     settled_change_micro_cents, overage_change_micro_cents, basis, run_id, execution, step_id, try, actor, at)
   SELECT m.id, m.id || '/' || i || '/' || kind, kind, m.id || i, 200000, CASE kind WHEN 'hold' THEN 200000 ELSE -200000 END,
     CASE kind WHEN 'hold' THEN 0 ELSE 200000 END, 0, 'actual', m.id, 1, 'step_' || i, 1, 'run', m.at + i * interval '30 ms'
   FROM made m, generate_series(0, 2) i, unnest(ARRAY['hold', 'settle']) kind ORDER BY m.at, i`,
  `INSERT INTO transactions (account_id, idempotency_key, kind, hold_id, amount_micro_cents, reserved_change_micro_cents,
     settled_change_micro_cents, overage_change_micro_cents, basis, run_id, execution, actor, at)
   SELECT 'tenant/' || m.tenant, m.id || '/' || kind, kind, m.id, 600000, 0, CASE kind WHEN 'hold' THEN 0 ELSE 600000 END, 0, 'actual', m.id, 1, 'run',
     m.at FROM made m, unnest(ARRAY['hold', 'settle']) kind ORDER BY m.at`,
  `INSERT INTO events (run_id, number, tenant_id, agent_id, type, step_id, data, at)
   SELECT m.id, i, m.tenant, m.agent,
     CASE WHEN i = 1 THEN 'run.accepted' WHEN i = 2 THEN 'run.started' WHEN i = $events THEN 'run.succeeded'
       WHEN i % 2 = 1 THEN 'step.started' ELSE 'step.succeeded' END,
     CASE WHEN i BETWEEN 3 AND $events - 1 THEN 'step_' || (i - 3) / 2 END, '{"try":1}', m.at + i * interval '10 ms'
   FROM made m, generate_series(1, $events) i ORDER BY m.at, i`,
  `INSERT INTO agents (id, tenant_id, name) SELECT 'agent_' || n, 'bench', 'agent ' || n FROM generate_series(0, 19) n`,
  'VACUUM ANALYZE',
];

/** Fills a migrated database. */
export async function fillDatabase(url: string, runs = RUNS): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of STATEMENTS) {
      await client.query(
        statement.replaceAll('$runs', String(runs)).replaceAll('$events', String(EVENTS_PER_RUN)),
      );
    }
  } finally {
    await client.end();
  }
}
