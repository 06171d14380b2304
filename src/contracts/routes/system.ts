import { z } from 'zod';
import { FAILURE_CATEGORIES, FAILURE_CODES, RECOVERY_ACTIONS } from '../failure-codes.ts';
import { Failure } from '../failures.ts';
import type { Route } from '../route.ts';

export const RateLimitStore = z.object({
  /** Where requests are counted: `memory` counts for each process by itself. */
  store: z.enum(['memory', 'redis']),
  /** Redis is configured but does not answer, so each process counts by itself. */
  degraded: z.boolean(),
});
export type RateLimitStore = z.infer<typeof RateLimitStore>;

export const Health = z.object({
  status: z.literal('healthy'),
  service: z.string(),
  version: z.string(),
  timestamp: z.iso.datetime(),
  rate_limits: RateLimitStore,
});
export type Health = z.infer<typeof Health>;

export const Version = z.object({ service: z.string(), version: z.string() });

const Parts = z.object({ postgres: z.boolean(), temporal: z.boolean(), worker: z.boolean() });
export const Readiness = Failure.partial().extend({
  status: z.enum(['ready', 'not_ready']),
  timestamp: z.iso.datetime(),
  parts: Parts,
  rate_limits: RateLimitStore,
});
export type Readiness = z.infer<typeof Readiness>;

export const ErrorPage = z.object({
  code: z.string(),
  title: z.string(),
  category: z.enum(FAILURE_CATEGORIES),
  retryable: z.boolean(),
  http_status: z.int(),
  meaning: z.string(),
  fix: z.string(),
  action: z.enum(RECOVERY_ACTIONS),
});

/** The document that describes these routes; what is in it, OpenAPI says. */
export const OpenApi = z.object({
  openapi: z.string(),
  info: z.record(z.string(), z.json()),
  paths: z.record(z.string(), z.json()),
  components: z.record(z.string(), z.json()),
});

const NOW = '2026-11-29T08:00:00.000Z';
const COUNTED_TOGETHER = { store: 'redis', degraded: false };
const { RATE_LIMITED } = FAILURE_CODES;
const ALL_PARTS = { postgres: true, temporal: true, worker: true };

export const SYSTEM_ROUTES = {
  getHealth: {
    method: 'GET',
    path: '/health',
    aliases: ['/healthz'],
    role: 'public',
    tag: 'system',
    summary: 'Whether this process answers',
    answers: {
      200: {
        description:
          'It does. `rate_limits.degraded` says that Redis does not answer, so that each process counts requests by itself.',
        schema: Health,
        example: {
          status: 'healthy',
          service: 'aos',
          version: '0.1.0',
          timestamp: NOW,
          rate_limits: COUNTED_TOGETHER,
        },
      },
    },
  },
  getReadiness: {
    method: 'GET',
    path: '/health/ready',
    role: 'public',
    tag: 'system',
    summary: 'Whether all that a run needs answers',
    answers: {
      200: {
        description: 'Postgres, Temporal and a worker do.',
        schema: Readiness,
        example: {
          status: 'ready',
          timestamp: NOW,
          parts: ALL_PARTS,
          rate_limits: COUNTED_TOGETHER,
        },
      },
      503: {
        description: 'One of them does not; `parts` says which.',
        schema: Readiness,
        example: {
          code: 'SERVICE_UNAVAILABLE',
          detail: 'No answer from: worker.',
          retryable: true,
          status: 'not_ready',
          timestamp: NOW,
          parts: { ...ALL_PARTS, worker: false },
          rate_limits: COUNTED_TOGETHER,
        },
      },
    },
  },
  getVersion: {
    method: 'GET',
    path: '/version',
    role: 'public',
    tag: 'system',
    summary: 'The version of this process',
    answers: {
      200: {
        description: 'Its name and version.',
        schema: Version,
        example: { service: 'aos', version: '0.1.0' },
      },
    },
  },
  getOpenApi: {
    method: 'GET',
    path: '/openapi.json',
    answerHeaders: ['ETag', 'Cache-Control'],
    role: 'public',
    tag: 'system',
    summary: 'This API as an OpenAPI 3.1 document',
    answers: {
      200: {
        description: 'The document. Its ETag changes with it.',
        schema: OpenApi,
        example: {
          openapi: '3.1.1',
          info: { title: 'AOS', version: '1.0.0' },
          paths: { '/health': { get: { operationId: 'getHealth' } } },
          components: {},
        },
      },
    },
  },
  getReference: {
    method: 'GET',
    path: '/docs',
    answerHeaders: ['Cache-Control'],
    role: 'public',
    tag: 'system',
    summary: 'The reference of this API, for people',
    answers: { 200: { description: 'A page.', contentType: 'text/html' } },
  },
  getReferenceScript: {
    method: 'GET',
    path: '/docs/reference.js',
    answerHeaders: ['Cache-Control'],
    role: 'public',
    tag: 'system',
    summary: 'What draws the reference',
    answers: { 200: { description: 'A script.', contentType: 'text/javascript' } },
  },
  getErrorPage: {
    method: 'GET',
    path: '/docs/errors/:code',
    role: 'public',
    tag: 'system',
    summary: 'What a failure code means and what to do about it',
    answers: {
      200: {
        description: 'The entry of the catalogue.',
        schema: ErrorPage,
        example: {
          code: 'RATE_LIMITED',
          title: RATE_LIMITED.title,
          category: RATE_LIMITED.category,
          retryable: RATE_LIMITED.retryable,
          http_status: RATE_LIMITED.httpStatus,
          meaning: RATE_LIMITED.meaning,
          fix: RATE_LIMITED.fix,
          action: RATE_LIMITED.action,
        },
      },
    },
    errors: ['NOT_FOUND'],
  },
} as const satisfies Record<string, Route>;
