const NAME = '[a-z\\d_]([a-z\\d_-]*[a-z\\d_])?';
const NAMES = new RegExp(`^${NAME}(\\.${NAME})*$`);
const IPV4 = /^\d+(\.\d+){3}$/;
const IPV6 = /^\[[\da-f:.]+\]$/;
const DNS_NAME_LENGTH = 253;
/** Scheme, wildcard, host and port, as a person writes them; what else a URL has is not taken. */
const ENTRY = /^(https?:\/\/)?(\*\.)?([^\s/?#@\\%*]+?)(?::(\d{1,5}))?$/i;

/**
 * One spelling for a host that a secret may be sent to: `api.example.org`, `api.example.org:8443`, `*.example.org` for
 * all below it, `http://…` for what may go without TLS. Undefined when it is none, or would cover too much.
 */
export function canonicalSecretHost(text: string): string | undefined {
  const [, scheme = '', wildcard = '', host = '', port] = ENTRY.exec(text) ?? [];
  const url = `https://${host}`;
  // What is left of a port that is none would be read as another.
  if (!URL.canParse(url) || (host.includes(':') && !host.startsWith('['))) return undefined;
  const name = new URL(url).hostname.replace(/\.$/, '');
  const isAddress = IPV4.test(name) || IPV6.test(name);
  if ((!isAddress && !NAMES.test(name)) || name.length > DNS_NAME_LENGTH) return undefined;
  if (wildcard !== '' && (isAddress || !name.includes('.'))) return undefined;
  const isPlain = scheme.toLowerCase() === 'http://';
  const number = port === undefined ? undefined : Number(port);
  if (number !== undefined && (number < 1 || number > 65_535)) return undefined;
  const isDefault = number === undefined || number === (isPlain ? 80 : 443);
  return `${isPlain ? 'http://' : ''}${wildcard}${name}${isDefault ? '' : `:${number}`}`;
}
