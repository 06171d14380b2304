import { z } from 'zod';
import type { NextMove } from '../contracts/activities.ts';
import { WAITING_RUNS_MAX } from '../contracts/limits.ts';
import type { Waiting, WhatWaits } from '../contracts/run-questions.ts';
import { waitsOf } from '../domain/waits.ts';
import type { OpenRun, OpenStep, Wait } from '../domain/waits.ts';
import { listOpenSteps } from '../storage/open-runs.ts';
import type { OpenStepRow } from '../storage/open-runs.ts';
import type { Question } from './question.ts';

const NoParams = z.object({});

/** What the open runs and their steps wait for: of the run, the agent or the tenant. */
export const whatIsWaiting: Question<typeof NoParams> = {
  params: NoParams,
  async answer({ pool }, { key, runs, warnings }) {
    const rows = runs ? await listOpenSteps(pool, key.tenant_id, runs, WAITING_RUNS_MAX + 1) : [];
    const open = eachRun(rows);
    const waiting = open.slice(0, WAITING_RUNS_MAX).flatMap((ofRun) => {
      const [first] = ofRun;
      return waitsOf(runOf(ofRun)).map((wait) => viewWait(first!, wait));
    });
    const result: z.infer<typeof WhatWaits> = {
      waiting,
      count: waiting.length,
      has_more: open.length > WAITING_RUNS_MAX,
      warnings,
    };
    return result;
  },
};

/** The rows of each run; those of one stand together. */
function eachRun(rows: readonly OpenStepRow[]): OpenStepRow[][] {
  const runs: OpenStepRow[][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last?.[0]?.run_id === row.run_id) last.push(row);
    else runs.push([row]);
  }
  return runs;
}

function runOf(rows: readonly OpenStepRow[]): OpenRun {
  const run = rows[0]!;
  return {
    status: run.run_status,
    maxParallel: run.max_parallel,
    since: run.run_started_at ?? run.created_at,
    deadlineAt: run.run_deadline_at,
    compensateUntil: run.compensate_until,
    cancelRequestedAt: run.cancel_requested_at,
    steps: rows.flatMap((row) => (row.step_id === null ? [] : [stepOf(row, row.step_id)])),
  };
}

const stepOf = (row: OpenStepRow, id: string): OpenStep => ({
  id,
  depends_on: row.depends_on,
  skill: row.skill,
  status: row.status,
  since: row.step_started_at,
  isHeld: row.is_held,
  lastTry:
    row.try_started_at && row.try_deadline_at
      ? {
          hasEnded: row.try_status !== null,
          next: row.try_next === null ? undefined : (JSON.parse(row.try_next) as NextMove),
          startedAt: row.try_started_at,
          deadlineAt: row.try_deadline_at,
          endedAt: row.try_completed_at,
        }
      : undefined,
});

const viewWait = (run: OpenStepRow, wait: Wait): Waiting => ({
  run_id: run.run_id,
  agent_id: run.agent_id,
  step_id: wait.stepId,
  skill_id: wait.skill,
  status: wait.status,
  waits_for: wait.waitsFor,
  why: wait.why,
  since: wait.since.toISOString(),
  until: wait.until.toISOString(),
});
