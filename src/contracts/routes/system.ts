import { z } from 'zod';
import { FAILURE_CATEGORIES, RECOVERY_ACTIONS } from '../failure-codes.ts';
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

export const SYSTEM_ROUTES = {
  getHealth: {
    method: 'GET',
    path: '/health',
    aliases: ['/healthz'],
    role: 'public',
    tag: 'system',
    summary: 'Whether this process answers',
    answers: { 200: { description: 'It does.', schema: Health } },
  },
  getReadiness: {
    method: 'GET',
    path: '/health/ready',
    role: 'public',
    tag: 'system',
    summary: 'Whether all that a run needs answers',
    answers: {
      200: { description: 'Postgres, Temporal and a worker do.', schema: Readiness },
      503: { description: 'One of them does not; `parts` says which.', schema: Readiness },
    },
  },
  getVersion: {
    method: 'GET',
    path: '/version',
    role: 'public',
    tag: 'system',
    summary: 'The version of this process',
    answers: { 200: { description: 'Its name and version.', schema: Version } },
  },
  getErrorPage: {
    method: 'GET',
    path: '/docs/errors/:code',
    role: 'public',
    tag: 'system',
    summary: 'What a failure code means and what to do about it',
    answers: { 200: { description: 'The entry of the catalogue.', schema: ErrorPage } },
    errors: ['NOT_FOUND'],
  },
} as const satisfies Record<string, Route>;
