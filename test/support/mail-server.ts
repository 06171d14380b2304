import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { simpleParser } from 'mailparser';
import type { ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  mail: ParsedMail;
  raw: string;
  /** The envelope. */
  from: string;
  to: string[];
  user: string | undefined;
  isSecure: boolean;
}

export interface MailServer {
  port: number;
  /** The messages that were taken. */
  received: ReceivedMail[];
  /** Those that came whole and were sent away by `judgeMessage`. */
  turnedAway: ReceivedMail[];
  connections(): number;
  stop(): Promise<void>;
}

export interface MailServerOptions {
  /** TLS from the first byte. */
  secure?: boolean;
  /** Offers STARTTLS. */
  starttls?: boolean;
  credentials?: { user: string; password: string };
  sizeMax?: number;
  /** Made by `reply` for what is turned away. */
  judgeRecipient?: (address: string) => Error | undefined;
  /** For the n-th message of the server, from 1. */
  judgeMessage?: (n: number) => Error | undefined;
}

/** The answer with which a server turns something away. */
export const reply = (responseCode: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode });

let certificate: { key: string; cert: string } | undefined;

/** A certificate for 127.0.0.1 that nobody has signed. */
export function selfMadeCertificate(): { key: string; cert: string } {
  if (certificate) return certificate;
  const folder = mkdtempSync(join(tmpdir(), 'aos-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', ...made, ...subject], { stdio: 'ignore' });
  certificate = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(folder, { recursive: true });
  return certificate;
}

/** A real SMTP server on a free port of 127.0.0.1. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const turnedAway: ReceivedMail[] = [];
  const take = async (
    stream: Readable,
    session: SMTPServerSession,
    done: (refusal: Error | null, text?: string) => void,
  ): Promise<void> => {
    const message = await readMail(stream, session);
    const refusal = options.judgeMessage?.(received.length + turnedAway.length + 1);
    (refusal ? turnedAway : received).push(message);
    done(refusal ?? null, 'queued as 1234');
  };
  const server = new SMTPServer({
    ...selfMadeCertificate(),
    secure: options.secure ?? false,
    disabledCommands: [
      ...(options.starttls ? [] : ['STARTTLS']),
      ...(options.credentials ? [] : ['AUTH']),
    ],
    allowInsecureAuth: !options.starttls,
    disableReverseLookup: true,
    ...(options.sizeMax !== undefined && { size: options.sizeMax }),
    onAuth({ username, password }, _session, done) {
      const { credentials } = options;
      const isRight = username === credentials?.user && password === credentials?.password;
      if (isRight) done(null, { user: username ?? '' });
      else done(reply(535, 'Authentication credentials invalid'));
    },
    onRcptTo: ({ address }, _session, done) => done(options.judgeRecipient?.(address)),
    onData(stream, session, done) {
      void take(stream, session, done);
    },
  });
  server.on('error', () => undefined);
  return { ...(await listenTo(server.server)), received, turnedAway };
}

async function readMail(stream: Readable, session: SMTPServerSession): Promise<ReceivedMail> {
  const raw = Buffer.concat(await stream.toArray());
  const { mailFrom, rcptTo } = session.envelope;
  return {
    mail: await simpleParser(raw),
    raw: raw.toString(),
    from: mailFrom === false ? '' : mailFrom.address,
    to: rcptTo.map(({ address }) => address),
    user: typeof session.user === 'string' ? session.user : undefined,
    isSecure: session.secure,
  };
}

const COMMANDS = ['EHLO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'QUIT'] as const;
/** `CONNECTION` before anything was said, `FIRST_BYTES` of a message, and its whole `CONTENT`. */
export type Moment = 'CONNECTION' | (typeof COMMANDS)[number] | 'FIRST_BYTES' | 'CONTENT';

export interface ScriptedMailServer extends Omit<MailServer, 'received' | 'turnedAway'> {
  /** Every line that was said to it outside of a message. */
  commands: string[];
  /** Resolves once the moment has come. */
  heard(moment: Moment): Promise<void>;
  /** Resolves once nobody is connected. */
  left(): Promise<void>;
}

/** What the server replies at a moment; `hang` says nothing, `drop` ends the connection. */
export type Script = Partial<Record<Moment, string>>;

const MANNERS: Script = {
  CONNECTION: '220 test ESMTP',
  EHLO: '250 test',
  STARTTLS: '220 go ahead',
  AUTH: '235 welcome',
  MAIL: '250 sender ok',
  RCPT: '250 recipient ok',
  DATA: '354 go ahead',
  CONTENT: '250 queued',
  QUIT: '221 bye',
};

/** A server that follows a script instead of the protocol. */
export async function startScriptedMailServer(script: Script = {}): Promise<ScriptedMailServer> {
  const commands: string[] = [];
  const heard = new Set<Moment>();
  const changes = new EventEmitter();
  let connected = 0;
  const manners: Script = { ...MANNERS, ...script };
  const server = createServer((socket) => {
    let isContent = false;
    let pending = '';
    const reach = (moment: Moment): void => {
      heard.add(moment);
      changes.emit('change');
      const said = manners[moment];
      if (said === 'drop') socket.destroy();
      else if (said === 'hang' && moment === 'FIRST_BYTES') socket.pause();
      else if (said !== undefined && said !== 'hang') socket.write(`${said}\r\n`);
    };
    connected += 1;
    socket.on('close', () => {
      connected -= 1;
      changes.emit('change');
    });
    reach('CONNECTION');
    socket.on('data', (chunk) => {
      pending += chunk.toString();
      for (;;) {
        if (isContent) reach('FIRST_BYTES');
        const end = isContent ? '\r\n.\r\n' : '\r\n';
        const at = pending.indexOf(end);
        if (at === -1) return;
        const line = pending.slice(0, at);
        pending = pending.slice(at + end.length);
        if (!isContent) commands.push(line);
        const moment = isContent ? 'CONTENT' : COMMANDS.find((word) => line.startsWith(word));
        isContent = moment === 'DATA' && /^[23]/.test(manners.DATA ?? '');
        if (moment !== undefined) reach(moment);
      }
    });
  });
  return {
    ...(await listenTo(server)),
    commands,
    async heard(moment) {
      while (!heard.has(moment)) await once(changes, 'change');
    },
    async left() {
      while (connected > 0) await once(changes, 'change');
    },
  };
}

/** Makes a server listen on a free port of 127.0.0.1. */
export async function listenTo(
  server: Server,
): Promise<Pick<MailServer, 'port' | 'connections' | 'stop'>> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
