import type { Json } from '../json.ts';
import { AGENT_ID, KEY_ID } from './example-ids.ts';

/** The skill that the examples of the reference show, as GET /api/v1/runtime/skills/fs_read answers it. */
const PARAMS_SCHEMA: Json = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    path: { type: 'string', minLength: 1, maxLength: 1024 },
    encoding: { type: 'string', enum: ['text', 'base64'], default: 'text' },
  },
  required: ['path'],
};
const OUTPUT_SCHEMA: Json = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { path: { type: 'string' }, content: { type: 'string' } },
  required: ['path', 'content'],
};
const COST_MODEL = { per: 'none', base_cents: 0, fixed_cents: 0, note: 'Free.' };
const NOT_FOUND = {
  code: 'FS_NOT_FOUND',
  category: 'DATA',
  description: 'No file is at the path.',
  retryable: false,
  probability: 0.01,
};

export const SKILL_EXAMPLE = {
  id: 'fs_read',
  skill_id: 'fs_read',
  name: 'Read a file',
  version: '1.0.0',
  description: 'Reads one file of the tenant’s workspace, whole, as text or as base64.',
  available: true,
  annotations: {
    title: 'Read a file',
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input_schema: PARAMS_SCHEMA,
  output_schema: OUTPUT_SCHEMA,
  params_schema: PARAMS_SCHEMA,
  return_schema: OUTPUT_SCHEMA,
  cost_model: COST_MODEL,
  latency: { typical_ms: 5 },
  timeout: { default_ms: 10000, max_ms: 60000 },
  retry: { max_attempts: 2 },
  constraints: { file_bytes_max: 8388608, path_length_max: 1024 },
  limits: { file_bytes_max: 8388608, path_length_max: 1024 },
  side_effects: 'reads',
  idempotent: 'always',
  inline: false,
  failure_modes: [NOT_FOUND],
};

const NOW = '2026-11-29T08:00:00.000Z';
const BUDGET = {
  level: 'agent',
  account_id: `agent/${AGENT_ID}/2026-11-29`,
  limited: true,
  total_cents: 500,
  remaining_cents: 412.5,
  reserved_cents: 50,
  spent_cents: 37.5,
  overage_cents: 0,
  period: 'daily',
  resets_at: '2026-11-30T00:00:00.000Z',
};
const UNLIMITED = {
  level: 'tenant',
  account_id: 'tenant/default',
  limited: false,
  total_cents: 9000000000,
  remaining_cents: 9000000000,
  reserved_cents: 4000,
  spent_cents: 54749.5,
  overage_cents: 0,
  period: 'total',
  resets_at: null,
};
const RATES = [
  {
    level: 'key',
    counts: 'requests',
    limit_per_minute: 60000,
    remaining: 59981,
    resets_in_ms: 41200,
  },
];
const CONCURRENCY = { level: 'agent', limited: true, limit: 10, open: 1, remaining: 9 };
const FORBIDDEN = {
  code: 'SKILL_NOT_ALLOWED',
  reason: 'The agent may not use email_send. Its allowed_skills are: fs_read.',
  fix: "Have an admin add email_send to the agent's allowed_skills, or set them to null.",
};

export const CAPABILITIES_EXAMPLE = {
  agent_id: AGENT_ID,
  skills: {
    fs_read: {
      available: true,
      obstacles: [],
      rate_limit_remaining: 59981,
      name: 'Read a file',
      version: '1.0.0',
      cost_estimate_cents: 0,
      cost_model: COST_MODEL,
      avg_latency_ms: 3.4,
      latency_basis: 'observed',
      typical_latency_ms: 5,
      observed: {
        sample_size: 120,
        avg_latency_ms: 3.4,
        p50_latency_ms: 2.9,
        p95_latency_ms: 8.1,
        failure_rate: 0.0167,
      },
      known_failure_patterns: [
        { code: 'FS_NOT_FOUND', retryable: false, probability: 0.01, observed_count: 2 },
      ],
    },
    email_send: {
      available: false,
      ...FORBIDDEN,
      obstacles: [FORBIDDEN],
      rate_limit_remaining: 59981,
      name: 'Send an e-mail',
      version: '1.0.0',
      cost_estimate_cents: 0,
      cost_model: COST_MODEL,
      avg_latency_ms: 800,
      latency_basis: 'contract',
      typical_latency_ms: 800,
      observed: null,
      known_failure_patterns: [],
    },
  },
  skills_available: ['fs_read'],
  skills_unavailable: ['email_send'],
  budget: BUDGET,
  budget_remaining_cents: 412.5,
  budgets: [BUDGET, UNLIMITED],
  rate_limits: RATES,
  concurrency: CONCURRENCY,
  role: 'operator',
  permissions: ['getHealth', 'submitRun', 'listRuns', 'getRun', 'getCapabilities'],
  refusal: null,
  observed_runs_max: 500,
  warnings: [],
  timestamp: NOW,
};

export const RESOURCE_CONTRACT_EXAMPLE = {
  resource_id: AGENT_ID,
  agent_id: AGENT_ID,
  budget: BUDGET,
  budget_cents: 500,
  budgets: [BUDGET, UNLIMITED],
  rate_limits: RATES,
  concurrency: CONCURRENCY,
  max_concurrency: 10,
  max_step_cost_cents: null,
  max_run_cost_cents: 100,
  warnings: [],
  timestamp: NOW,
};

export const LIMITS_EXAMPLE = {
  groups: [
    {
      group: 'rates',
      description: 'How often requests may come.',
      limits: [
        {
          name: 'rate_per_minute_default',
          value: 6000,
          unit: 'per_minute',
          applies_to:
            'requests a minute of a key without a limit of its own, and of an address without a key',
          setting: 'AOS_RATE_LIMIT_PER_MINUTE',
          default: 60000,
        },
      ],
    },
    {
      group: 'plans',
      description: 'Plans and what stands in them.',
      limits: [
        {
          name: 'steps_per_plan_max',
          value: 500,
          unit: 'count',
          applies_to: 'steps of a plan, and `depends_on` of a step',
        },
      ],
    },
  ],
  count: 2,
  yours: {
    key: {
      id: KEY_ID,
      rate_limit_per_minute: 60000,
      rate_limit_source: 'key',
      agent_id: null,
    },
    agent: {
      agent_id: AGENT_ID,
      allowed_skills: ['fs_read'],
      allowed_hosts: null,
      max_step_cost_cents: null,
      max_run_cost_cents: 100,
      max_concurrent_runs: 10,
      rate_limit_per_minute: null,
    },
    rates: RATES,
    budgets: [BUDGET, UNLIMITED],
    concurrency: CONCURRENCY,
  },
  warnings: [],
};

export const PLAN_SCHEMA_EXAMPLE: Json = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A plan of AOS',
  type: 'array',
  items: { $ref: '#/$defs/step' },
  $defs: {
    step: {
      type: 'object',
      properties: { skill: { enum: ['fs_read'] }, params: { type: 'object' } },
      required: ['skill'],
    },
  },
};

export const QUERY_SCHEMA_EXAMPLE: Json = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A question of AOS',
  anyOf: [{ $ref: '#/$defs/runs' }],
  $defs: {
    runs: {
      description: 'Runs, newest first.',
      type: 'object',
      properties: { from: { const: 'runs' }, where: { $ref: '#/$defs/runs_condition' } },
      required: ['from'],
    },
    runs_condition: {
      type: 'object',
      properties: {
        field: { const: 'status' },
        op: { enum: ['eq', 'ne'] },
        value: { enum: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
      },
      required: ['field', 'op', 'value'],
    },
  },
};
