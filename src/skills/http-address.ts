import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A parsed IPv4 or IPv6 address. */
export type IpAddress = ReturnType<typeof ipaddr.parse>;

/** The address, with IPv4 inside IPv6 read as IPv4; `undefined` when it is none. */
export const parseAddress = (text: string): IpAddress | undefined =>
  isIP(text) === 0 ? undefined : ipaddr.process(text);

/** Whether the address is one of the open net; what is not known to be so is not. */
export function isPublicAddress(ip: IpAddress): boolean {
  // IANA gives out global IPv6 addresses from 2000::/3 only.
  const isGlobal = ip.kind() === 'ipv4' || ip.match(ipaddr.parseCIDR('2000::/3'));
  return isGlobal && ip.range() === 'unicast';
}

/** One spelling for each host: no brackets, no final dot, addresses in their short form. */
export function hostOf(hostname: string): string {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return parseAddress(bare)?.toString() ?? bare.replace(/\.$/, '');
}

/** The port that the URL leads to. */
export const portOf = (url: URL): number =>
  url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
