import { once } from 'node:events';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import SmtpConnection from 'nodemailer/lib/smtp-connection';
import type { SMTPConnectionSendInfo as SendInfo } from 'nodemailer/lib/smtp-connection';
import { AosError } from '../../contracts/failures.ts';
import { toConnectFailure } from './failures.ts';
import type { OutgoingMessage } from './message.ts';
import { clipReply } from './reply.ts';
import type { SmtpServer } from './smtp-url.ts';

const REPLY_BYTES_MAX = 64 * 1024;
const CHUNK_BYTES = 16 * 1024;
/** How long the server may take to answer QUIT; nobody waits for it. */
const QUIT_MS = 2000;

/** What the server said to a message that it took. */
export interface Receipt {
  accepted: string[];
  rejected: { address: string; smtp_code: number; reason: string }[];
  response: string;
}

/** Hands one message to the server over a connection of its own; `stop` ends it at once, whatever it is doing. */
export function startDelivery(message: OutgoingMessage, server: SmtpServer, timeoutMs: number) {
  // The socket is ours, so that it can be destroyed in any state, under TLS too.
  const socket = new Socket().on('error', () => undefined);
  const content = Readable.from(chunksOf(message.bytes), { objectMode: false });
  // The line that ends a message is written after its content; without that line no server takes one.
  let isHandedOver = false;
  content.once('end', () => {
    isHandedOver = true;
  });
  let connection: SmtpConnection | undefined;

  async function deliver(): Promise<Receipt> {
    await connect(socket, server);
    connection = createConnection(socket, server, timeoutMs);
    const info = await converse(connection, server, message, content);
    if (!isHandedOver) throw toEarlyReply();
    connection.quit();
    connection.close();
    return toReceipt(info);
  }

  function stop(): void {
    connection?.close();
    socket.destroy();
    content.destroy();
  }
  return { deliver, stop, isHandedOver: () => isHandedOver };
}

async function connect(socket: Socket, { host, port }: SmtpServer): Promise<void> {
  try {
    socket.connect({ host, port });
    await once(socket, 'connect');
  } catch (error) {
    throw toConnectFailure(error);
  }
}

function createConnection(socket: Socket, server: SmtpServer, timeoutMs: number): SmtpConnection {
  return new SmtpConnection({
    connection: socket,
    host: server.host,
    port: server.port,
    secure: server.isSecure,
    requireTLS: server.needsTls && !server.isSecure,
    tls: { rejectUnauthorized: server.verifiesCertificate },
    name: server.clientName,
    logger: false,
    // One clock rules, that of the call.
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: QUIT_MS,
    maxResponseSize: REPLY_BYTES_MAX,
  });
}

async function converse(
  connection: SmtpConnection,
  { credentials }: SmtpServer,
  { from, recipients, bytes }: OutgoingMessage,
  content: Readable,
): Promise<SendInfo> {
  const broken = new Promise<never>((_resolve, reject) => {
    connection.on('error', reject);
  });
  const ask = <T>(start: (done: (error?: Error | null, answer?: T) => void) => void) => {
    const answered = new Promise<T>((resolve, reject) => {
      start((error, answer) => (error ? reject(error) : resolve(answer as T)));
    });
    return Promise.race([broken, answered]);
  };

  await ask((done) => connection.connect(done));
  if (credentials !== undefined) {
    if (!connection.allowsAuth) throw toNoLogin();
    const { user, password: pass } = credentials;
    await ask((done) => connection.login({ credentials: { user, pass } }, done));
  }
  const envelope = { from, to: recipients, size: bytes.length };
  return ask<SendInfo>((done) => connection.send(envelope, content, done));
}

const toReceipt = ({ accepted, rejectedErrors = [], response }: SendInfo): Receipt => ({
  accepted,
  rejected: rejectedErrors.map((error) => ({
    address: error.recipient ?? '',
    smtp_code: error.responseCode ?? 0,
    reason: clipReply(error.response ?? ''),
  })),
  response: clipReply(response),
});

const toEarlyReply = (): AosError =>
  new AosError(
    'RESPONSE_INVALID',
    'The mail server thanked for the message before it had it, so nothing was sent. Ask the operator to check SMTP_URL.',
  );

// To send the message without them would be another act than the operator has asked for.
const toNoLogin = (): AosError =>
  new AosError(
    'PROVIDER_KEY_REFUSED',
    'SMTP_URL has credentials, and the mail server takes none on this connection. Ask the operator to correct it.',
  );

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
