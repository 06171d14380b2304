-- Traces that callers follow through a run.
ALTER TABLE runs ADD COLUMN traceparent text;

-- Compensation: how long all of it may take, and until when, once it has begun.
ALTER TABLE runs ADD COLUMN compensation_ms bigint NOT NULL DEFAULT 600000;
ALTER TABLE runs ADD COLUMN compensate_until timestamptz;

ALTER TABLE steps DROP CONSTRAINT steps_status_check;
ALTER TABLE steps ADD CONSTRAINT steps_status_check
  CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled', 'compensated'));
-- NULL: the plan names no compensation for the step. `ready` waits for the run to fail or be cancelled.
ALTER TABLE steps ADD COLUMN compensation text
  CHECK (compensation IN ('ready', 'running', 'succeeded', 'failed'));
ALTER TABLE steps ADD COLUMN compensation_failure text;

CREATE INDEX runs_by_compensation ON runs (compensate_until)
  WHERE compensate_until IS NOT NULL AND check_at IS NOT NULL;

-- What follows the outcome, as it was decided with it: JSON text.
ALTER TABLE tries ADD COLUMN next text;
ALTER TABLE tries DROP CONSTRAINT tries_role_check;
ALTER TABLE tries ADD CONSTRAINT tries_role_check CHECK (role IN ('main', 'fallback', 'compensate'));
