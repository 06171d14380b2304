import ipaddr from 'ipaddr.js';

/** A network of IPv6 counts as one: whoever has one has 2^64 addresses. */
const IPV6_PARTS = 4;

export const keySubject = (keyId: string): string => `key/${keyId}`;
export const agentSubject = (agentId: string): string => `agent/${agentId}`;

/** The subject of requests that come without a good key. */
export function addressSubject(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'address/unknown';
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? `address/${parsed.parts
        .slice(0, IPV6_PARTS)
        .map((part) => part.toString(16))
        .join(':')}::/64`
    : `address/${parsed.toString()}`;
}
