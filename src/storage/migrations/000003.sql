ALTER TABLE tenants ADD COLUMN agents_required boolean NOT NULL DEFAULT false;

-- A limit of NULL is none; allowed lists of NULL allow all.
CREATE TABLE agents (
  id text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (id),
  name text NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  budget_micro_cents bigint CHECK (budget_micro_cents >= 0),
  budget_period text NOT NULL DEFAULT 'total' CHECK (budget_period IN ('total', 'daily', 'monthly')),
  allowed_skills text[],
  allowed_hosts text[],
  max_step_cost_micro_cents bigint CHECK (max_step_cost_micro_cents >= 0),
  max_run_cost_micro_cents bigint CHECK (max_run_cost_micro_cents >= 0),
  max_concurrent_runs integer CHECK (max_concurrent_runs >= 1),
  rate_limit_per_minute integer CHECK (rate_limit_per_minute >= 1),
  labels jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  archived_at timestamptz
);
CREATE INDEX agents_by_tenant ON agents (tenant_id, created_at DESC, id DESC);

-- `account_id` is the account of the key's own budget; a key that replaces another one goes on with it.
ALTER TABLE api_keys ADD COLUMN agent_id text REFERENCES agents (id);
ALTER TABLE api_keys ADD COLUMN rate_limit_per_minute integer CHECK (rate_limit_per_minute >= 1);
ALTER TABLE api_keys ADD COLUMN account_id text REFERENCES accounts (id);
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
ALTER TABLE api_keys ADD COLUMN replaced_by text REFERENCES api_keys (id);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at DESC, id DESC);

-- The accounts above the run's own that hold its budget, in the order in which they are locked: agent, key, tenant.
ALTER TABLE runs ADD COLUMN ancestor_accounts text[] NOT NULL DEFAULT '{}';
UPDATE runs SET ancestor_accounts = ARRAY['tenant/' || tenant_id];
-- A process of the version before, which does not write them, is to fail rather than leave a run whose holds nobody ends.
ALTER TABLE runs ALTER COLUMN ancestor_accounts DROP DEFAULT;
-- Hosts that calls of the run may go to, as the agent had them at submit; NULL allows all.
ALTER TABLE runs ADD COLUMN allowed_hosts text[];
-- SHA-256 of the canonical plan, as hex.
ALTER TABLE runs ADD COLUMN plan_hash text;
-- What `recall` searches of an ended run of an agent: its goal and its outcome.
ALTER TABLE runs ADD COLUMN memory tsvector;
UPDATE runs SET memory = to_tsvector('english', regexp_replace(left(coalesce(goal, ''), 10000), '[^[:alnum:]]+', ' ', 'g'))
  WHERE agent_id IS NOT NULL AND completed_at IS NOT NULL;
-- The code of `failure`, which comes before any text that others chose.
ALTER TABLE runs ADD COLUMN failure_code text;
UPDATE runs SET failure_code = substring(failure from '"code":"([A-Z0-9_]+)"') WHERE failure IS NOT NULL;
CREATE INDEX runs_by_agent ON runs (tenant_id, agent_id, created_at DESC, id DESC) WHERE agent_id IS NOT NULL;
CREATE INDEX runs_open_by_agent ON runs (tenant_id, agent_id) WHERE completed_at IS NULL AND agent_id IS NOT NULL;
CREATE INDEX runs_by_memory ON runs USING gin (memory) WHERE memory IS NOT NULL;
CREATE INDEX runs_by_failure ON runs (tenant_id, failure_code) WHERE status = 'failed';

-- The id of what was made under the key: a run, an agent, an entry of the ledger.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_run_id_fkey;
ALTER TABLE idempotency_keys RENAME COLUMN run_id TO made;

ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check;
ALTER TABLE transactions ADD CONSTRAINT transactions_kind_check
  CHECK (kind IN ('hold', 'settle', 'release', 'expire', 'topup', 'overage', 'adjust', 'limit'));

-- Every change and every refusal. Refusals that repeat within a minute are one row with a count; without a key, or with an unknown one, there is no tenant.
CREATE TABLE audit_entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text REFERENCES tenants (id),
  kind text NOT NULL CHECK (kind IN ('change', 'refusal')),
  operation text NOT NULL,
  key_id text,
  request_id text,
  -- What was changed, by its id.
  subject text,
  code text,
  -- JSON text.
  detail text NOT NULL DEFAULT '{}',
  count integer NOT NULL DEFAULT 1,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_by_tenant ON audit_entries (tenant_id, id DESC);
