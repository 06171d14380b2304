import { isIP } from 'node:net';

/** The mail server that messages are handed to, and how. */
export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS as soon as the server offers it. */
  isSecure: boolean;
  /** Without TLS nothing is sent. */
  needsTls: boolean;
  verifiesCertificate: boolean;
  /** The name that AOS gives itself; undefined takes the host name of the machine. */
  clientName: string | undefined;
  credentials: { user: string; password: string } | undefined;
}

const PORT_MAX = 65_535;
const SECURE_PORT = 465;
const HOST_NAME = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/;

const EXAMPLE = 'smtp://user:password@host:587 or smtps://user:password@host';
const OPTIONS = ['requireTLS=true', 'tls.rejectUnauthorized=false', 'name=HOST'];

/**
 * Reads SMTP_URL. No message repeats any part of it, since an unescaped sign moves parts of the password anywhere.
 * A password goes through TLS only, except to this very machine.
 */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSecure = url?.protocol === 'smtps:';
  if (url === undefined || (!isSecure && url.protocol !== 'smtp:')) {
    throw new Error(`takes a URL like ${EXAMPLE}.`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const hasMore = !['', '/'].includes(url.pathname) || url.hash !== '';
  if (hasMore || (isIP(host) === 0 && !HOST_NAME.test(host))) {
    throw new Error(
      `takes a URL like ${EXAMPLE}, with nothing behind the port but options. Percent-encode signs in the password.`,
    );
  }
  const port = url.port === '' ? (isSecure ? SECURE_PORT : 587) : Number(url.port);
  if (port < 1 || port > PORT_MAX) throw new Error('takes a port from 1 to 65535.');
  if (port === SECURE_PORT && !isSecure) {
    throw new Error('has port 465, which speaks TLS from the first byte. Write smtps://.');
  }
  const credentials = readCredentials(url);
  const { requiresTls, verifiesCertificate, clientName } = readOptions(url.searchParams);
  const needsTls = requiresTls || (credentials !== undefined && !isLoopback(host));
  return { host, port, isSecure, needsTls, verifiesCertificate, clientName, credentials };
}

function readCredentials({ username, password }: URL): SmtpServer['credentials'] {
  if (username === '' && password === '') return undefined;
  if (username === '' || password === '') {
    throw new Error('has only one of user and password. Give both, or none.');
  }
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new Error('has a % in user or password that begins no code. Write %25 for it.');
  }
}

function readOptions(options: URLSearchParams) {
  let requiresTls = false;
  let verifiesCertificate = true;
  let clientName: string | undefined;
  for (const [key, value] of options) {
    if (key === 'requireTLS' && value === 'true') requiresTls = true;
    else if (key === 'tls.rejectUnauthorized' && value === 'false') verifiesCertificate = false;
    else if (key === 'name' && HOST_NAME.test(value)) clientName = value;
    else throw new Error(`has an option that is none of ${OPTIONS.join(', ')}.`);
  }
  return { requiresTls, verifiesCertificate, clientName };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
