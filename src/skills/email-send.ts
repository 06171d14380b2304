import { z } from 'zod';
import { AosError } from '../contracts/failures.ts';
import type { Json } from '../contracts/json.ts';
import {
  EMAIL_ADDRESS_LENGTH_MAX,
  EMAIL_BODY_BYTES_MAX,
  EMAIL_RECIPIENTS_MAX,
  EMAIL_SUBJECT_LENGTH_MAX,
  EMAIL_TIMEOUT_DEFAULT_MS,
  EMAIL_TIMEOUT_MAX_MS,
} from '../contracts/limits.ts';
import { hideSecrets } from './wording.ts';
import type { SkillContract, SkillUsage } from '../contracts/skill.ts';
import { startDelivery } from './email/delivery.ts';
import { toDeliveryFailure } from './email/failures.ts';
import { composeMessage } from './email/message.ts';
import { EmailSendParams, parseEmailSendParams } from './email/params.ts';
import type { EmailSettings } from './email/settings.ts';
import { withinTime } from './http/deadline.ts';
import { toSkillFailure } from './http/failures.ts';
import type { Skill, SkillCall } from './skill.ts';

const LACKS: Required<SkillContract>['lacks'] = {
  reason: 'No mail server is configured.',
  fix: 'Set SMTP_URL and AOS_EMAIL_FROM for the api and for the worker, and start them again.',
};

const contract: SkillContract = {
  id: 'email_send',
  name: 'Send an e-mail',
  version: '1.0.0',
  description:
    'Hands one message to the mail server of the installation: plain text, HTML or both, no attachments. The sender ' +
    'and the recipients must be allowed by the operator. The Message-ID is the same at every try of a step. ' +
    'When the server takes the message for some recipients only, the call succeeds and `rejected` names the others.',
  params: EmailSendParams,
  output: z.object({
    message_id: z.string().describe('The Message-ID, in angle brackets.'),
    from: z.string().describe('The address that the message was sent from.'),
    accepted: z.array(z.string()),
    rejected: z
      .array(z.object({ address: z.string(), smtp_code: z.int(), reason: z.string() }))
      .describe('From 400 the server asks to come back later, from 500 it refuses for good.'),
    response: z.string().describe('What the mail server said when it took the message.'),
    duration_ms: z.int(),
  }),
  cost: { per: 'none', base_micro_cents: 0, note: 'Free.' },
  latency: { typical_ms: 800 },
  timeout: { default_ms: EMAIL_TIMEOUT_DEFAULT_MS, max_ms: EMAIL_TIMEOUT_MAX_MS },
  retry: { max_attempts: 3 },
  limits: {
    recipients_max: EMAIL_RECIPIENTS_MAX,
    address_length_max: EMAIL_ADDRESS_LENGTH_MAX,
    subject_length_max: EMAIL_SUBJECT_LENGTH_MAX,
    body_bytes_max: EMAIL_BODY_BYTES_MAX,
  },
  side_effects: 'outside',
  idempotent: 'depends',
  hints: { destructive: false },
  failure_modes: [
    { code: 'EMAIL_DEFERRED', description: 'The server asks to wait.', probability: 0.02 },
    { code: 'EMAIL_REFUSED', description: 'The server refuses it.', probability: 0.01 },
    { code: 'CONNECT_FAILED', description: 'The server is not reached.', probability: 0.005 },
    { code: 'TIMEOUT', description: 'The server is slow.', probability: 0.005 },
    { code: 'CONNECTION_LOST', description: 'It breaks before the end.', probability: 0.003 },
    { code: 'EFFECT_UNKNOWN', description: 'It breaks after the end.', probability: 0.001 },
    { code: 'PARAMS_INVALID', description: 'An address is none.', probability: 0.005 },
    { code: 'EMAIL_SENDER_REFUSED', description: 'The sender is not allowed.', probability: 0.002 },
    { code: 'EMAIL_RECIPIENT_REFUSED', description: 'A recipient is not.', probability: 0.002 },
    { code: 'PROVIDER_KEY_REFUSED', description: 'The password is wrong.', probability: 0.001 },
    { code: 'PROVIDER_NOT_CONFIGURED', description: 'No server is set.', probability: 0.001 },
    { code: 'DNS_FAILED', description: 'The server has no address.', probability: 0.001 },
    { code: 'TLS_FAILED', description: 'The certificate is not valid.', probability: 0.001 },
    { code: 'RESPONSE_INVALID', description: 'The server speaks no SMTP.', probability: 0.001 },
  ],
  inline: false,
};

export interface EmailSendDeps {
  /** Absent when the operator has set no mail server: the skill then says what it lacks. */
  email: EmailSettings | undefined;
}

/** Creates the skill `email_send`: one message, handed to the mail server of the installation. */
export function createEmailSend({ email }: EmailSendDeps): Skill {
  // A mail server may repeat whatever it was told, in any of its answers.
  const secrets = secretsOf(email);
  const hide = (text: string): string => hideSecrets(text, secrets);
  async function perform(call: SkillCall): Promise<Json> {
    if (email === undefined) {
      throw new AosError('PROVIDER_NOT_CONFIGURED', `${LACKS.reason} ${LACKS.fix}`);
    }
    const startedAt = performance.now();
    const params = parseEmailSendParams(call.params);
    const message = await composeMessage(params, call.effectKey, email);
    const delivery = startDelivery(message, email.server, call.timeoutMs);
    try {
      const receipt = await withinTime(call, 'email_send', delivery.deliver);
      const durationMs = Math.round(performance.now() - startedAt);
      return {
        message_id: message.id,
        from: message.from,
        accepted: receipt.accepted,
        rejected: receipt.rejected.map((each) => ({ ...each, reason: hide(each.reason) })),
        response: hide(receipt.response),
        duration_ms: durationMs,
      };
    } catch (error) {
      // Stopped first: what was handed over by then is all that ever will be.
      delivery.stop();
      const isHandedOver = delivery.isHandedOver();
      throw toDeliveryFailure(error, { messageId: message.id, isHandedOver });
    }
  }

  const usage: SkillUsage = { cost_micro_cents: 0 };
  return {
    contract: email === undefined ? { ...contract, lacks: LACKS } : contract,
    worstCaseMicroCents: () => 0,
    // Most mail servers do not look at the Message-ID: a second message would arrive.
    isIdempotent: () => false,
    timeoutMs: () => undefined,
    async call(call) {
      try {
        return { ok: true, output: await perform(call), usage };
      } catch (error) {
        const failure = toSkillFailure(error, 'email_send');
        return { ok: false, failure: { ...failure, message: hide(failure.message) }, usage };
      }
    },
  };
}

/** The password, and as it goes over the wire. */
function secretsOf(email: EmailSettings | undefined): string[] {
  const { user = '', password } = email?.server.credentials ?? {};
  if (password === undefined) return [];
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return [password, base64(password), base64(`\0${user}\0${password}`)];
}
