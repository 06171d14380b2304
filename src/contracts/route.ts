import type { z } from 'zod';
import type { FailureCode } from './failure-codes.ts';
import type { Json } from './json.ts';
import type { Role } from './roles.ts';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/** The groups of the reference, in its order. */
export const TAGS = {
  runs: 'Submit plans, watch them, cancel them, and see what they cost.',
  agents: 'Named actors with a budget, allowed skills and limits of their own.',
  runtime: 'What can be done here and now, and what a plan would cost.',
  events: 'What happens, as it happens: as pages, as a stream, over a WebSocket.',
  webhooks: 'Endpoints that receive events, signed by Standard Webhooks 1.0.',
  keys: 'API keys, their roles and limits.',
  secrets: 'What plans may use and nobody may read.',
  account: "The tenant's money, and what was changed or refused.",
  system: 'Health, version, documentation. No key is needed.',
  compat: 'Kept for clients of the earlier AOS.',
} as const;

/** What a route answers with, on success. */
export interface Answer {
  description: string;
  /** The body; absent when it is no JSON. */
  schema?: z.ZodType;
  example?: Json;
  /** @default application/json */
  contentType?: string;
  /** The same in another form, for who asks for it by `Accept`. */
  orStream?: { contentType: string; example: string };
}

/** One route of the API: who may call it, with what, and what it answers. */
export interface Route {
  method: Method;
  /** `/api/v1/runs/:run_id`: the names behind colons are the path's parameters. */
  path: string;
  /** Other paths of the same, for clients of the earlier AOS. */
  aliases?: readonly string[];
  /** The role that a key needs; `public` needs no key. */
  role: Role | 'public';
  tag: keyof typeof TAGS;
  summary: string;
  description?: string;
  query?: z.ZodObject;
  /** Request headers beside the key. */
  headers?: Readonly<Record<string, string>>;
  /** What its success may carry beside what every answer carries and its status says. */
  answerHeaders?: readonly ('ETag' | 'Cache-Control')[];
  body?: z.ZodObject;
  bodyExample?: Json;
  answers: Readonly<Record<number, Answer>>;
  /** What it may refuse with, beside what every route may. */
  errors?: readonly FailureCode[];
  /** A POST that changes nothing: it is no change for the record of changes. @default only GET changes nothing */
  readOnly?: boolean;
}
