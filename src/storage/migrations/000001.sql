CREATE TABLE tenants (
  id text PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Only the HMAC of a key is kept; `prefix` is what a person recognises it by.
CREATE TABLE api_keys (
  id text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (id),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  hash bytea NOT NULL UNIQUE,
  prefix text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

-- Money is in micro-cents: 1 cent = 1,000,000. A limit of NULL is none.
CREATE TABLE accounts (
  id text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (id),
  parent_id text REFERENCES accounts (id),
  limit_micro_cents bigint CHECK (limit_micro_cents >= 0),
  reserved_micro_cents bigint NOT NULL DEFAULT 0 CHECK (reserved_micro_cents >= 0),
  settled_micro_cents bigint NOT NULL DEFAULT 0 CHECK (settled_micro_cents >= 0),
  overage_micro_cents bigint NOT NULL DEFAULT 0 CHECK (overage_micro_cents >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  CHECK (limit_micro_cents IS NULL OR reserved_micro_cents + settled_micro_cents <= limit_micro_cents)
);

CREATE TABLE runs (
  id text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (id),
  key_id text REFERENCES api_keys (id),
  account_id text NOT NULL REFERENCES accounts (id),
  agent_id text,
  goal text,
  labels jsonb NOT NULL DEFAULT '{}',
  input text NOT NULL DEFAULT 'null',
  plan text NOT NULL,
  warnings jsonb NOT NULL DEFAULT '[]',
  status text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  execution integer NOT NULL DEFAULT 1,
  fruitless_executions integer NOT NULL DEFAULT 0,
  max_parallel integer NOT NULL,
  budget_micro_cents bigint NOT NULL,
  price_table_version text NOT NULL,
  event_number bigint NOT NULL DEFAULT 0,
  output_step_id text,
  failure text,
  cost_micro_cents bigint NOT NULL DEFAULT 0,
  cancel_requested_at timestamptz,
  cancel_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  deadline_at timestamptz NOT NULL,
  completed_at timestamptz,
  -- When the reconciler looks at this run next; NULL once it is closed.
  check_at timestamptz
);
CREATE INDEX runs_by_tenant ON runs (tenant_id, created_at DESC, id DESC);
CREATE INDEX runs_by_tenant_status ON runs (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX runs_by_labels ON runs USING gin (labels jsonb_path_ops);
CREATE INDEX runs_to_check ON runs (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX runs_by_deadline ON runs (deadline_at) WHERE check_at IS NOT NULL;

CREATE TABLE idempotency_keys (
  tenant_id text NOT NULL REFERENCES tenants (id),
  key text NOT NULL,
  body_hash bytea NOT NULL,
  run_id text NOT NULL REFERENCES runs (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);

-- Outputs are text, not jsonb: NUL and lone surrogates are ordinary in what the world answers.
CREATE TABLE artifacts (
  id text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (id),
  run_id text NOT NULL REFERENCES runs (id),
  sha256 text NOT NULL,
  bytes bigint NOT NULL,
  content text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE steps (
  run_id text NOT NULL REFERENCES runs (id),
  id text NOT NULL,
  index integer NOT NULL,
  skill text NOT NULL,
  inline boolean NOT NULL,
  depends_on text[] NOT NULL,
  -- The ResolvedStep as JSON text: params, policy, condition, fallback and versions, fixed at submit.
  spec text NOT NULL,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled')),
  generation integer NOT NULL DEFAULT 1,
  role text NOT NULL DEFAULT 'main' CHECK (role IN ('main', 'fallback')),
  tries integer NOT NULL DEFAULT 0,
  output text,
  artifact_id text REFERENCES artifacts (id),
  output_bytes bigint,
  failure text,
  cost_micro_cents bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  completed_at timestamptz,
  PRIMARY KEY (run_id, id),
  UNIQUE (run_id, index)
);

-- One call of a step's skill. The fence names the worker's attempt that may record its outcome.
CREATE TABLE tries (
  run_id text NOT NULL,
  step_id text NOT NULL,
  generation integer NOT NULL,
  role text NOT NULL CHECK (role IN ('main', 'fallback')),
  number integer NOT NULL,
  execution integer NOT NULL,
  fence text NOT NULL,
  hold_id text,
  status text CHECK (status IN ('succeeded', 'failed', 'cancelled')),
  failure text,
  cost_micro_cents bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  deadline_at timestamptz NOT NULL,
  completed_at timestamptz,
  PRIMARY KEY (run_id, step_id, generation, role, number),
  FOREIGN KEY (run_id, step_id) REFERENCES steps (run_id, id)
);
CREATE INDEX tries_open ON tries (run_id) WHERE status IS NULL;

-- Append-only. `amount` is what the entry is about; the three others are its effect on the account's balances.
CREATE TABLE transactions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text NOT NULL REFERENCES accounts (id),
  idempotency_key text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('hold', 'settle', 'release', 'expire', 'topup', 'overage', 'adjust')),
  hold_id text,
  amount_micro_cents bigint NOT NULL,
  reserved_change_micro_cents bigint NOT NULL,
  settled_change_micro_cents bigint NOT NULL,
  overage_change_micro_cents bigint NOT NULL,
  limit_change_micro_cents bigint NOT NULL DEFAULT 0,
  basis text NOT NULL CHECK (basis IN ('worst_case', 'actual', 'presumed', 'budget', 'operator')),
  run_id text,
  execution integer,
  step_id text,
  try integer,
  price_table_version text,
  expires_at timestamptz,
  actor text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, idempotency_key)
);
-- A hold ends by exactly one entry.
CREATE UNIQUE INDEX transactions_hold_once ON transactions (hold_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX transactions_hold_end_once ON transactions (hold_id) WHERE kind IN ('settle', 'release', 'expire');
CREATE INDEX transactions_by_account ON transactions (account_id, id);
CREATE INDEX transactions_by_run ON transactions (run_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'transactions are append-only';
END $$;
CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE ON transactions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transactions_never_emptied BEFORE TRUNCATE ON transactions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Holds that have not ended: the working set behind the append-only entries.
CREATE TABLE holds (
  id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES accounts (id),
  amount_micro_cents bigint NOT NULL CHECK (amount_micro_cents > 0),
  run_id text NOT NULL,
  step_id text,
  generation integer,
  role text,
  try integer,
  fence text,
  expires_at timestamptz
);
CREATE INDEX holds_by_account ON holds (account_id);
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE events (
  run_id text NOT NULL REFERENCES runs (id),
  number bigint NOT NULL,
  tenant_id text NOT NULL,
  type text NOT NULL,
  step_id text,
  data text NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, number)
);

CREATE TABLE workers (
  id text PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now(),
  beat_at timestamptz NOT NULL DEFAULT now()
);

-- The Temporal namespace this database belongs with: another id means that the engine's store was replaced.
CREATE TABLE engine (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  namespace_id text NOT NULL
);
