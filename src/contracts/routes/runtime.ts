import { z } from 'zod';
import { Capabilities, CapabilityQuery, ResourceContract } from '../capabilities.ts';
import { LimitsAnswer, LimitsQuery } from '../limits-view.ts';
import type { Route } from '../route.ts';
import { SkillView } from '../skill.ts';
import { WebhookSecret } from '../webhook-secret.ts';
import {
  CAPABILITIES_EXAMPLE,
  LIMITS_EXAMPLE,
  PLAN_SCHEMA_EXAMPLE,
  QUERY_SCHEMA_EXAMPLE,
  RESOURCE_CONTRACT_EXAMPLE,
  SKILL_EXAMPLE,
} from './runtime-examples.ts';

export const SkillList = z.object({ count: z.int(), skills: z.array(SkillView) });

export const RUNTIME_ROUTES = {
  listSkills: {
    method: 'GET',
    path: '/api/v1/runtime/skills',
    aliases: ['/skills'],
    role: 'viewer',
    tag: 'runtime',
    summary: 'The skills of this installation, with their contracts',
    answers: {
      200: {
        description: 'Every skill.',
        schema: SkillList,
        example: { count: 1, skills: [SKILL_EXAMPLE] },
      },
    },
  },
  getSkill: {
    method: 'GET',
    path: '/api/v1/runtime/skills/:skill_id',
    role: 'viewer',
    tag: 'runtime',
    summary: "A skill's contract",
    answers: {
      200: { description: 'The contract.', schema: SkillView, example: SKILL_EXAMPLE },
    },
    errors: ['SKILL_NOT_FOUND'],
  },
  getWebhookSecret: {
    method: 'GET',
    path: '/api/v1/runtime/webhook-secret',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'runtime',
    summary: 'What receivers of webhook_send verify its signatures with',
    answers: {
      200: {
        description: 'The secret.',
        schema: WebhookSecret,
        example: {
          secret: 'whsec_aW4gdGhlIHJlZmVyZW5jZSBpdCBpcyBhIHNhbXBsZQ==',
          standard: 'Standard Webhooks 1.0',
          algorithm: 'HMAC-SHA256',
          signature_version: 'v1',
        },
      },
    },
  },
  getCapabilities: {
    method: 'GET',
    path: '/api/v1/runtime/capabilities',
    role: 'viewer',
    tag: 'runtime',
    summary: 'What this key can do for an agent now, and what it has left for it',
    description:
      'Each skill with whether it can be used or what keeps it from that, what it costs by its contract, and what the ' +
      "tenant's newest runs observed of it. An agent that is not there is a warning.",
    query: CapabilityQuery,
    answers: {
      200: {
        description: 'The skills, money, requests and runs that are left, and the permissions.',
        schema: Capabilities,
        example: CAPABILITIES_EXAMPLE,
      },
    },
    errors: ['KEY_BOUND_TO_AGENT'],
  },
  getResourceContract: {
    method: 'GET',
    path: '/api/v1/runtime/resource-contract/:resource_id',
    role: 'viewer',
    tag: 'runtime',
    summary: 'The money, requests and runs at once that an agent or this key may use now',
    description: 'The id is that of an agent; any other name stands for the key itself.',
    answers: {
      200: {
        description: 'What may be used.',
        schema: ResourceContract,
        example: RESOURCE_CONTRACT_EXAMPLE,
      },
    },
    errors: ['KEY_BOUND_TO_AGENT'],
  },
  listLimits: {
    method: 'GET',
    path: '/api/v1/limits',
    role: 'viewer',
    tag: 'runtime',
    summary: 'Every limit that a caller can meet, with its present value',
    description: 'And what limits this key; with `agent_id`, what limits that agent too.',
    query: LimitsQuery,
    answers: {
      200: { description: 'The limits, in groups.', schema: LimitsAnswer, example: LIMITS_EXAMPLE },
    },
    errors: ['KEY_BOUND_TO_AGENT'],
  },
  getPlanSchema: {
    method: 'GET',
    path: '/api/v1/runtime/plan-schema',
    role: 'viewer',
    tag: 'runtime',
    summary: 'A JSON Schema of plans, for models that write them',
    description:
      'JSON Schema 2020-12 over the skills of this installation: every plan that would be taken fits it. That references ' +
      'lead to steps before, and other such things, POST /api/v1/plans/validate tells.',
    answers: {
      200: {
        description: 'The schema itself.',
        schema: z.record(z.string(), z.json()),
        example: PLAN_SCHEMA_EXAMPLE,
      },
    },
  },
  getQuerySchema: {
    method: 'GET',
    path: '/api/v1/runtime/query-schema',
    role: 'viewer',
    tag: 'runtime',
    summary: 'A JSON Schema of questions in the typed language, for models that write them',
    description:
      'JSON Schema 2020-12 of what POST /api/v1/runtime/query takes with `from`: each source with its fields, what they ' +
      'mean, and which operators and values each takes.',
    answers: {
      200: {
        description: 'The schema itself.',
        schema: z.record(z.string(), z.json()),
        example: QUERY_SCHEMA_EXAMPLE,
      },
    },
  },
} as const satisfies Record<string, Route>;
