import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A parsed IPv4 or IPv6 address. */
export type IpAddress = ReturnType<typeof ipaddr.parse>;

/** Services that would take a request for commands, or that have no business on the open net. */
const REFUSED_PORTS: ReadonlySet<string> = new Set(
  (
    '0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 79 95 109 110 111 113 119 123 135 ' +
    '137 138 139 143 161 179 389 427 445 465 512 513 514 515 548 554 563 587 636 873 990 ' +
    '993 995 1433 1521 1723 2049 2375 2379 2380 3306 3389 5060 5061 5432 5672 5900 6000 ' +
    '6379 6432 6566 6667 7233 9042 9092 11211 27017'
  ).split(' '),
);

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

/** A host as a person writes it, IPv6 in brackets; `undefined` when it is none, or a pattern. */
export function parseHost(text: string): string | undefined {
  const url = `http://${text}`;
  const host = URL.canParse(url) ? hostOf(new URL(url).hostname) : '';
  return /^[\w.-]+$/.test(host) || isIP(host) !== 0 ? host : undefined;
}

/** The port that the URL leads to. */
export const portOf = (url: { protocol: string; port: string }): number =>
  url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);

/** Whether no public server is asked at this port, because its service is not HTTP. */
export const isRefusedPort = (port: number): boolean => REFUSED_PORTS.has(String(port));
