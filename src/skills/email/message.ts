import MailComposer from 'nodemailer/lib/mail-composer';
import { AosError } from '../../contracts/failures.ts';
import { hostOf } from './address-list.ts';
import { quote } from './mailbox.ts';
import type { Mailbox } from './mailbox.ts';
import { mailboxesOf } from './params.ts';
import type { EmailSendParams } from './params.ts';
import type { EmailSettings } from './settings.ts';

/** A message as it goes to the mail server. */
export interface OutgoingMessage {
  /** With its angle brackets. */
  id: string;
  from: string;
  /** The envelope: each address once. */
  recipients: string[];
  bytes: Buffer;
}

/** Composes a message, if the operator allows its sender and all of its recipients; rejects with AosError if not. */
export async function composeMessage(
  params: EmailSendParams,
  effectKey: string,
  settings: EmailSettings,
): Promise<OutgoingMessage> {
  const from = chooseSender(params.from, settings);
  const [to, cc, bcc] = [params.to, params.cc, params.bcc].map((field) => mailboxesOf(field));
  const addresses = [to, cc, bcc].flatMap((list = []) => list.map(({ address }) => address));
  checkRecipients(addresses, settings);
  const id = messageIdOf(effectKey, from.address);
  const composer = new MailComposer({
    from,
    to,
    cc,
    replyTo: mailboxesOf(params.reply_to),
    subject: params.subject,
    messageId: id,
    text: params.text ?? params.body,
    html: params.html,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const bytes = await composer.compile().build();
  return { id, from: from.address, recipients: [...new Set(addresses)], bytes };
}

/** `run_1/mail/1` becomes `<run_1.mail.1@example.org>`: readable, and the same at every try. */
function messageIdOf(effectKey: string, from: string): string {
  const encode = (sign: string): string =>
    sign === '/' ? '.' : `%${sign.codePointAt(0)!.toString(16)}`;
  return `<${effectKey.replaceAll(/[^\w-]/gu, encode)}@${hostOf(from)}>`;
}

function chooseSender(wanted: string | undefined, { senders }: EmailSettings): Mailbox {
  const [from = senders.first] = mailboxesOf(wanted);
  if (from === undefined) {
    throw new AosError(
      'PARAMS_INVALID',
      'AOS_EMAIL_FROM allows whole domains and no single address, so `from` must name one.',
    );
  }
  if (senders.allows(from.address)) return from;
  const instead =
    senders.first === undefined
      ? ''
      : `leave \`from\` out to send as ${senders.first.address}, or `;
  throw new AosError(
    'EMAIL_SENDER_REFUSED',
    `${quote(from.address)} is not on the list of allowed senders; ${instead}ask the operator to add it to AOS_EMAIL_FROM.`,
  );
}

function checkRecipients(addresses: string[], { recipients }: EmailSettings): void {
  const refused = addresses.filter((address) => recipients?.allows(address) === false);
  if (refused.length === 0) return;
  const others = refused.length > 1 ? ` and ${refused.length - 1} more` : '';
  throw new AosError(
    'EMAIL_RECIPIENT_REFUSED',
    `${quote(refused[0]!)}${others} may not be written to, so nothing was sent. ` +
      'Take it out, or ask the operator to add it to AOS_EMAIL_TO.',
  );
}
