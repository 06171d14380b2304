import { quote, quoteSome } from './plan/wording.ts';

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/**
 * Whether a list of hosts allows a URL: `api.example.org` at any port, `api.example.org:8443` at that one, and
 * `*.example.org` for every name below it, though not for itself.
 */
export const isHostAllowed = (
  { protocol, hostname, port }: Pick<URL, 'protocol' | 'hostname' | 'port'>,
  allowed: readonly string[],
): boolean =>
  allowed.some((entry) => {
    const [, name = '', wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (wantedPort !== undefined && wantedPort !== (port || DEFAULT_PORTS[protocol])) return false;
    const host = hostname.toLowerCase().replace(/\.$/, '');
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name;
  });

/** Why a list does not allow a URL, naming host and list; undefined when it does. */
export const hostRefusal = (url: URL, allowed: readonly string[]): string | undefined =>
  isHostAllowed(url, allowed)
    ? undefined
    : `The agent may not reach ${quote(url.host)}. Its allowed_hosts are ${quoteSome(allowed, 30) || 'none'}.`;
