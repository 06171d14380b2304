import { z } from 'zod';
import { AosError } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import {
  EMAIL_BODY_BYTES_MAX,
  EMAIL_RECIPIENTS_MAX,
  EMAIL_SUBJECT_LENGTH_MAX,
} from '../../contracts/limits.ts';
import { ENCODED_WORD, isNoEncodedWord, isOneLine, parseMailboxes, tooMany } from './mailbox.ts';
import type { Mailbox } from './mailbox.ts';

const NOBODY = 'names nobody. Give at least one address';

/** Tells what is wrong with the addresses of one field. */
const checkAddresses =
  (countMax: number) =>
  (value: string | string[], context: z.RefinementCtx): void => {
    const problem = problemOf(value, countMax);
    // Who tells an issue ends the sentence.
    const message = problem?.replace(/\.$/, '');
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };

const Recipients = z
  .union([z.string(), z.array(z.string())])
  .superRefine(checkAddresses(EMAIL_RECIPIENTS_MAX));
const OneAddress = z.string().superRefine(checkAddresses(1));
const Body = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= EMAIL_BODY_BYTES_MAX, {
    error: `is larger than ${EMAIL_BODY_BYTES_MAX} bytes, the limit. Send a link to the rest`,
  })
  .optional();

/** What `email_send` takes. */
export const EmailSendParams = z
  .object({
    to: Recipients.refine((value) => value.length > 0, { error: NOBODY }).describe(
      '`name@host` or `Display Name <name@host>`: one, several with commas, or a list.',
    ),
    cc: Recipients.optional(),
    bcc: Recipients.optional().describe('They receive the message and are not named in it.'),
    from: OneAddress.optional().describe(
      'One of the addresses that the operator allows; the first of them when it is left out.',
    ),
    reply_to: OneAddress.optional().describe('Where answers go, if not to `from`.'),
    subject: z
      .string()
      .max(EMAIL_SUBJECT_LENGTH_MAX)
      .refine(isOneLine, {
        error: 'holds a line break or another control character. Write it on one line',
      })
      .refine(isNoEncodedWord, { error: ENCODED_WORD }),
    text: Body.describe('The message as plain text.'),
    body: Body.describe('Another name for `text`.'),
    html: Body.describe('The message as HTML. With `text` beside it, a reader shows one of them.'),
  })
  .refine(({ text, body, html }) => [text, body, html].some((part) => part !== undefined), {
    error: 'Give the message in `text`, in `html`, or in both',
    path: ['text'],
  })
  .refine(({ text, body }) => text === undefined || body === undefined, {
    error: '`text` and `body` are two names for the same. Give one of them',
    path: ['body'],
  })
  .refine(({ to, cc, bcc }) => countOf([to, cc, bcc]) <= EMAIL_RECIPIENTS_MAX, {
    error: `names, with \`cc\` and \`bcc\`, ${tooMany(EMAIL_RECIPIENTS_MAX)}`,
    path: ['to'],
  });
export type EmailSendParams = z.infer<typeof EmailSendParams>;
type Addresses = string | string[] | undefined;

/** The addresses of one field; throws an Error when one of them is none, or one text or the list is too long. */
export function mailboxesOf(value: Addresses, countMax = EMAIL_RECIPIENTS_MAX): Mailbox[] {
  const texts = typeof value === 'string' ? [value] : (value ?? []);
  if (texts.length > countMax) throw new Error(`names ${tooMany(countMax)}.`);
  return texts.flatMap((text) => parseMailboxes(text, countMax));
}

function problemOf(value: Addresses, countMax: number): string | undefined {
  try {
    mailboxesOf(value, countMax);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A field that is wrong in itself has said so, and counts for nothing here. */
const countOf = (fields: Addresses[]): number =>
  fields
    .filter((value) => problemOf(value, EMAIL_RECIPIENTS_MAX) === undefined)
    .flatMap((value) => mailboxesOf(value)).length;

/** Checks params again, which are not trusted to have passed the schema. */
export function parseEmailSendParams(params: JsonObject): EmailSendParams {
  const parsed = EmailSendParams.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new AosError('PARAMS_INVALID', `\`${place}\`: ${issue?.message ?? 'not valid'}.`);
}
