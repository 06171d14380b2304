import type { NodemailerError } from 'nodemailer';
import { AosError } from '../../contracts/failures.ts';
import { clipReply } from './reply.ts';

/** How far a delivery had come when it failed. */
export interface Progress {
  messageId: string;
  /** The whole content has been handed over, so the server may have accepted it. */
  isHandedOver: boolean;
}

/** The replies that ask for other credentials, or for more TLS than the operator has set (RFC 4954). */
const CREDENTIAL_REPLIES: readonly number[] = [530, 534, 535, 538];
/** The words of a socket; any other word that comes while TLS is spoken is a quarrel about TLS. */
const SOCKET_CODE = /^E(?!PROTO$)[A-Z]+$/;
const DNS_CODE = /^(?:ENOTFOUND|EAI_[A-Z]+)$/;

/** The failure of a connection that was not made. */
export function toConnectFailure(error: unknown): AosError {
  const { code = 'unknown' } = factsOf(error);
  return DNS_CODE.test(code)
    ? new AosError(
        'DNS_FAILED',
        `The host of the mail server does not resolve (${code}). Try again later, or ask the operator to check SMTP_URL.`,
      )
    : new AosError(
        'CONNECT_FAILED',
        `No connection to the mail server (${code}). Try again later, or ask the operator to check SMTP_URL.`,
      );
}

/**
 * Turns what ended a delivery into a failure of the catalogue, by codes alone. Once the content was handed over,
 * only a reply of the server says that it did not take the message.
 */
export function toDeliveryFailure(error: unknown, progress: Progress): AosError {
  const { responseCode = 0 } = factsOf(error);
  const isRefusal = responseCode >= 400 && responseCode < 600;
  if (progress.isHandedOver && !isRefusal) return toUnknown(progress.messageId, error);
  if (error instanceof AosError) return error;
  return isRefusal ? toRefusal(factsOf(error), responseCode) : toSessionFailure(error);
}

const toUnknown = (messageId: string, cause: unknown): AosError =>
  new AosError(
    'EFFECT_UNKNOWN',
    `The message ${messageId} was handed to the mail server, and no answer came: it may have been sent. ` +
      'Look for its Message-ID at the server or at a recipient before it is sent again.',
    {},
    { cause },
  );

function toRefusal(facts: Partial<NodemailerError>, status: number): AosError {
  const { code, response = '' } = facts;
  const command = facts.command === 'CONN' ? 'the connection' : (facts.command ?? '');
  // A server may repeat the command it did not like, and with it the password.
  const isAboutCredentials = code === 'EAUTH';
  const said = isAboutCredentials ? String(status) : clipReply(response);
  const upstream = { upstream_status: status };
  if (status < 500) {
    return new AosError(
      'EMAIL_DEFERRED',
      `The mail server asks to come back later; it answered ${command} with: ${said}`,
      upstream,
    );
  }
  if (isAboutCredentials || CREDENTIAL_REPLIES.includes(status)) {
    return new AosError(
      'PROVIDER_KEY_REFUSED',
      `The mail server did not accept the credentials in SMTP_URL; it answered with: ${said}`,
      upstream,
    );
  }
  if (code === 'ETLS') return tlsFailed(said);
  return new AosError(
    'EMAIL_REFUSED',
    `The mail server refused the message; it answered ${command} with: ${said}`,
    upstream,
  );
}

function toSessionFailure(error: unknown): AosError {
  const { code = '', originalCode = '' } = factsOf(error);
  switch (code) {
    case 'ESOCKET':
      if (originalCode !== '' && !SOCKET_CODE.test(originalCode)) return tlsFailed(originalCode);
      return connectionLost(error);
    case 'ECONNECTION':
    // A connection that ends in the middle of the handshake: what TLS itself says comes as ESOCKET.
    case 'ETLS':
      return connectionLost(error);
    case 'ETIMEDOUT':
      return new AosError(
        'TIMEOUT',
        'The mail server did not answer in time. Raise timeout_ms of the step, or try again later.',
      );
    case 'EMESSAGE':
      return new AosError(
        'EMAIL_REFUSED',
        'The message is larger than the mail server takes. Make it shorter.',
      );
    case 'EPROTOCOL':
    case 'EENVELOPE':
    case 'EAUTH':
      return new AosError(
        'RESPONSE_INVALID',
        `The mail server does not speak SMTP as it should (${code}). Ask the operator to check SMTP_URL.`,
        {},
        { cause: error },
      );
    default:
      return new AosError(
        'SKILL_CRASHED',
        'email_send ended with an error of its own. Report the run id to the operator.',
        {},
        { cause: error },
      );
  }
}

const tlsFailed = (why: string): AosError =>
  new AosError(
    'TLS_FAILED',
    `TLS with the mail server failed (${why}). Ask the operator to check SMTP_URL and the certificate.`,
  );

const connectionLost = (cause: unknown): AosError =>
  new AosError(
    'CONNECTION_LOST',
    'The mail server ended the connection before it had the whole message, so nothing was sent. Try again later.',
    {},
    { cause },
  );

// Not by `instanceof Error`: an error of another realm is an error too.
const factsOf = (error: unknown): Partial<NodemailerError> =>
  typeof error === 'object' && error !== null ? error : {};
