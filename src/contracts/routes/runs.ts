import { z } from 'zod';
import { LedgerAudit, RunLedger } from '../ledger.ts';
import type { Route } from '../route.ts';
import { CancelRun, Run, RunPage, StepDetail, SubmitRun } from '../run.ts';
import { EntryQuery, RunQuery, WaitQuery } from '../run-query.ts';
import {
  CANCELLED_EXAMPLE,
  CANCELLING_EXAMPLE,
  LEDGER_AUDIT_EXAMPLE,
  LEDGER_EXAMPLE,
  OUTPUT_EXAMPLE,
  PLAN_EXAMPLE,
  QUEUED_EXAMPLE,
  RUN_PAGE_EXAMPLE,
  STEP_EXAMPLE,
  SUCCEEDED_EXAMPLE,
} from './run-examples.ts';

const IDEMPOTENCY_KEY =
  'The same key with the same body answers with the same result, and does nothing twice.';

export const RUN_ROUTES = {
  submitRun: {
    method: 'POST',
    path: '/api/v1/runs',
    role: 'operator',
    tag: 'runs',
    summary: 'Run a plan, or have one made from a goal and run that',
    headers: {
      'Idempotency-Key': IDEMPOTENCY_KEY,
      traceparent: 'A W3C trace that the run carries on.',
    },
    body: SubmitRun,
    bodyExample: {
      plan: PLAN_EXAMPLE,
      goal: 'Count the items.',
      budget_cents: 50,
      labels: { team: 'research' },
    },
    answers: {
      202: {
        description: 'The run is funded, recorded, and will be started.',
        schema: Run,
        example: QUEUED_EXAMPLE,
      },
    },
    errors: [
      'PLAN_REQUIRED',
      'PLAN_INVALID',
      'SKILL_NOT_FOUND',
      'NOT_AVAILABLE_YET',
      'BUDGET_EXCEEDED',
      'IDEMPOTENCY_KEY_REUSED',
      'IDEMPOTENCY_IN_FLIGHT',
      'AGENT_REQUIRED',
      'AGENT_ARCHIVED',
      'KEY_BOUND_TO_AGENT',
      'SKILL_NOT_ALLOWED',
      'HOST_NOT_ALLOWED',
      'SECRET_NOT_FOUND',
      'SECRET_HOST_NOT_ALLOWED',
      'RUN_CAP_EXCEEDED',
      'CONCURRENT_RUNS_EXCEEDED',
    ],
  },
  listRuns: {
    method: 'GET',
    path: '/api/v1/runs',
    role: 'viewer',
    tag: 'runs',
    summary: 'Runs, newest first',
    query: RunQuery,
    answers: {
      200: { description: 'A page of runs.', schema: RunPage, example: RUN_PAGE_EXAMPLE },
    },
    errors: ['CURSOR_INVALID', 'KEY_BOUND_TO_AGENT'],
  },
  getRun: {
    method: 'GET',
    path: '/api/v1/runs/:run_id',
    answerHeaders: ['ETag'],
    role: 'viewer',
    tag: 'runs',
    summary: 'A run with its steps; can wait for its end or for any change',
    query: WaitQuery,
    headers: { 'If-None-Match': 'With `wait`: the ETag that is known, to wait for any change.' },
    answers: { 200: { description: 'The run.', schema: Run, example: SUCCEEDED_EXAMPLE } },
    errors: ['RUN_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  cancelRun: {
    method: 'POST',
    path: '/api/v1/runs/:run_id/cancel',
    role: 'operator',
    tag: 'runs',
    summary: 'Stop a run',
    body: CancelRun,
    bodyExample: { reason: 'The report is not needed any more.' },
    answers: {
      200: { description: 'The run had ended.', schema: Run, example: CANCELLED_EXAMPLE },
      202: { description: 'What runs is told to stop.', schema: Run, example: CANCELLING_EXAMPLE },
    },
    errors: ['RUN_NOT_FOUND', 'RUN_CLOSED', 'RUN_COMPENSATING', 'KEY_BOUND_TO_AGENT'],
  },
  getStep: {
    method: 'GET',
    path: '/api/v1/runs/:run_id/steps/:step_id',
    role: 'viewer',
    tag: 'runs',
    summary: 'A step with its params, tries and output',
    answers: { 200: { description: 'The step.', schema: StepDetail, example: STEP_EXAMPLE } },
    errors: ['RUN_NOT_FOUND', 'STEP_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  getStepOutput: {
    method: 'GET',
    path: '/api/v1/runs/:run_id/steps/:step_id/output',
    answerHeaders: ['ETag', 'Cache-Control'],
    role: 'viewer',
    tag: 'runs',
    summary: "A step's output, however large",
    description:
      'That of a sensitive step is given to operators and admins alone, and each reading of it is recorded in the audit.',
    answers: {
      200: { description: 'The output itself.', schema: z.json(), example: OUTPUT_EXAMPLE },
    },
    errors: [
      'RUN_NOT_FOUND',
      'STEP_NOT_FOUND',
      'OUTPUT_NOT_FOUND',
      'OUTPUT_SENSITIVE',
      'SECRETS_KEY_WRONG',
      'KEY_BOUND_TO_AGENT',
    ],
  },
  getRunLedger: {
    method: 'GET',
    path: '/api/v1/runs/:run_id/ledger',
    role: 'viewer',
    tag: 'runs',
    summary: "The run's account and every entry on it",
    query: EntryQuery,
    answers: {
      200: {
        description: 'The account and a page of its entries.',
        schema: RunLedger,
        example: LEDGER_EXAMPLE,
      },
    },
    errors: ['RUN_NOT_FOUND', 'CURSOR_INVALID', 'KEY_BOUND_TO_AGENT'],
  },
  auditLedger: {
    method: 'GET',
    path: '/api/v1/ledger/audit',
    role: 'viewer',
    tag: 'account',
    summary: 'The invariants of the ledger, checked in SQL',
    answers: {
      200: {
        description: 'What is broken: nothing.',
        schema: LedgerAudit,
        example: LEDGER_AUDIT_EXAMPLE,
      },
    },
  },
} as const satisfies Record<string, Route>;
