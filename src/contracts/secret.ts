import { z } from 'zod';
import { Problem } from './failures.ts';
import {
  SECRET_HOST_LENGTH_MAX,
  SECRET_HOSTS_MAX,
  SECRET_VALUE_BYTES_MAX,
  SECRET_VALUE_CHARS_MIN,
} from './limits.ts';
import { canonicalSecretHost } from './secret-host.ts';
import { text } from './text.ts';

const HOST_RULE =
  'must be a host, for instance api.example.org, api.example.org:8443 or *.example.org; `*` stands only before a name ' +
  'of two parts or more, and http:// before what may be sent to without TLS';

const Host = text(SECRET_HOST_LENGTH_MAX)
  .refine((host) => canonicalSecretHost(host) !== undefined, HOST_RULE)
  .overwrite((host) => canonicalSecretHost(host) ?? host);

const byteLength = (value: string): number => new TextEncoder().encode(value).length;

const isLongEnough = (value: string): boolean => value.trim().length >= SECRET_VALUE_CHARS_MIN;

const Value = z
  .string()
  .regex(/^\P{Surrogate}*$/u, 'must be well-formed Unicode')
  .refine(isLongEnough, {
    message:
      `must have at least ${SECRET_VALUE_CHARS_MIN} characters, spaces around it not counted: a shorter one cannot be ` +
      'hidden in what comes back without destroying ordinary text',
  })
  .refine((value) => byteLength(value) <= SECRET_VALUE_BYTES_MAX, {
    error: ({ input }) =>
      `is ${byteLength(String(input))} bytes; a secret may have ${SECRET_VALUE_BYTES_MAX}`,
  });

/** The body of PUT /secrets/{name}. */
export const PutSecret = z.object({
  value: Value.describe(
    `Text of ${SECRET_VALUE_CHARS_MIN} characters to ${SECRET_VALUE_BYTES_MAX} bytes. No answer ever has it.`,
  ),
  hosts: z
    .array(Host)
    .min(1)
    .max(SECRET_HOSTS_MAX)
    .overwrite((hosts) => [...new Set(hosts)])
    .describe(
      'Where it may be sent: `api.example.org` at port 443, `api.example.org:8443`, `*.example.org` for every name ' +
        'below it; `http://10.0.0.7:8080` for what has no TLS.',
    ),
});
export type PutSecret = z.infer<typeof PutSecret>;

/** A secret as the API shows it: everything but its value. */
export const SecretView = z.object({
  name: z.string(),
  hosts: z.array(z.string()),
  /** Grows with each value that replaces another. */
  version: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  /** Exact to a minute. */
  last_used_at: z.iso.datetime().nullable(),
  /** What of the request was ignored or is odd; only in the answer to it. */
  warnings: z.array(Problem).optional(),
});
export type SecretView = z.infer<typeof SecretView>;

export const SecretPage = z.object({
  data: z.array(SecretView),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type SecretPage = z.infer<typeof SecretPage>;

/** Answered to DELETE: nothing is left of it. */
export const DeletedSecret = z.object({ name: z.string(), deleted: z.literal(true) });
export type DeletedSecret = z.infer<typeof DeletedSecret>;
