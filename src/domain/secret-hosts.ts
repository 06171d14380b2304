import { isHostAllowed } from './allowed-hosts.ts';
import { quote, quoteSome } from './plan/wording.ts';

const PLAIN = 'http://';
const HAS_PORT = /:\d+$/;

/**
 * Whether a secret with this list of hosts may be sent to a URL: without a port an entry is that of its scheme, and only
 * what begins with `http://` may go without TLS.
 */
export const isSecretHost = (
  url: Pick<URL, 'protocol' | 'hostname' | 'port'>,
  hosts: readonly string[],
): boolean =>
  hosts.some((entry) => {
    const isPlain = entry.startsWith(PLAIN);
    if (url.protocol !== (isPlain ? 'http:' : 'https:')) return false;
    const host = isPlain ? entry.slice(PLAIN.length) : entry;
    return isHostAllowed(url, [HAS_PORT.test(host) ? host : `${host}:${isPlain ? 80 : 443}`]);
  });

/** Whether a secret with this list may be known at a host, whatever its port and scheme. */
export const isKnownAt = ({ hostname }: Pick<URL, 'hostname'>, hosts: readonly string[]): boolean =>
  hosts.some((entry) => {
    const host = entry.startsWith(PLAIN) ? entry.slice(PLAIN.length) : entry;
    const name = host.replace(HAS_PORT, '');
    return isHostAllowed({ protocol: 'https:', hostname, port: '' }, [name]);
  });

/** Why a secret may not be sent to a URL, naming it, the place and the list; undefined when it may. */
export function secretHostRefusal(
  url: URL,
  name: string,
  hosts: readonly string[],
): string | undefined {
  if (isSecretHost(url, hosts)) return undefined;
  return `The secret ${quote(name)} may not be sent to ${quote(url.origin)}. Its hosts are ${quoteSome(hosts, 30)}.`;
}
