import type { LookupAddress } from 'node:dns';
import { lookup as lookupName } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { AosError } from '../contracts/failures.ts';
import {
  hostOf,
  isPublicAddress,
  isRefusedPort,
  parseAddress,
  parseHost,
  portOf,
} from './http/address.ts';
import type { IpAddress } from './http/address.ts';
import { HTTP_RESPONSE_HEADER_BYTES_MAX } from '../contracts/limits.ts';

const NEXT_ADDRESS_AFTER_MS = 2000;
const SCHEMES = ['http:', 'https:'];

/** One exception to the guard: a range of addresses, or a host at some ports. */
export type EgressRule =
  | { cidr: [IpAddress, number] }
  | { host: string; portFrom: number; portTo: number };

/** Gives all addresses of a name, like `dns.lookup` with `all`. */
export type ResolveName = (hostname: string) => Promise<{ address: string }[]>;

/** What the guard is made of. */
export interface EgressDeps {
  allow: readonly EgressRule[];
  /** @default the operating system's resolver */
  resolve?: ResolveName;
}

/** Connections that only lead where the guard permits; `close` ends all of them at once. */
export interface EgressConnections {
  dispatcher: Dispatcher;
  close: () => void;
}

/** Decides which targets may be reached, before a packet is sent and again on every connection. */
export interface EgressGuard {
  /** Why this URL is refused, as far as can be told without a packet. */
  checkUrl(url: URL): AosError | undefined;
  /** Opens a connection of its own for every request: none is kept, shared or sent through a proxy. */
  open(): EgressConnections;
}

/** Creates the guard of everything that goes outside. */
export function createEgressGuard({ allow, resolve = resolveAll }: EgressDeps): EgressGuard {
  const permits = (address: string, host: string, port: number): boolean => {
    const ip = parseAddress(address);
    if (ip === undefined) return false;
    if (allow.some((rule) => allowsAddress(rule, ip, host, port))) return true;
    return isPublicAddress(ip) && !isRefusedPort(port);
  };

  function checkTarget(protocol: string, host: string, port: number): AosError | undefined {
    if (!SCHEMES.includes(protocol)) {
      return blocked(`The scheme \`${protocol}\` is not allowed. Use http or https.`);
    }
    if (isIP(host) !== 0) return permits(host, host, port) ? undefined : blockedAddress(host);
    // Rules for addresses are judged by `lookup`, once the name has some.
    const isRefused = isRefusedPort(port) && !allow.some((rule) => mayAllowName(rule, host, port));
    return isRefused
      ? blocked(`Port ${port} is not a port for HTTP. Use another port.`)
      : undefined;
  }

  /** The addresses that are checked here are the ones connected to, so a second answer cannot differ. */
  const lookupFor =
    (port: number): LookupFunction =>
    (hostname, options, callback) => {
      const finish = (error: Error | null, addresses: LookupAddress[]): void => {
        const [first] = addresses;
        if (options.all === true || first === undefined) callback(error, addresses);
        else callback(error, first.address, first.family);
      };
      resolve(hostname).then(
        (found) => {
          const addresses = found.map(({ address }) => ({ address, family: isIP(address) }));
          if (addresses.length === 0) finish(unresolved(hostname), []);
          else if (addresses.every(({ address }) => permits(address, hostOf(hostname), port)))
            finish(null, addresses);
          else finish(blockedName(hostname), []);
        },
        (error: unknown) => finish(unresolved(hostname, error), []),
      );
    };

  return {
    checkUrl: (url) => checkTarget(url.protocol, hostOf(url.hostname), portOf(url)),
    open() {
      const opening = new Set<AbortController>();
      const connect: buildConnector.connector = (options, callback) => {
        const port = portOf(options);
        // Node never asks `lookup` about an address, so addresses are checked here.
        const refusal = checkTarget(options.protocol, hostOf(options.hostname), port);
        if (refusal !== undefined) return callback(refusal, null);
        const attempt = new AbortController();
        opening.add(attempt);
        const connector = buildConnector({
          lookup: lookupFor(port),
          signal: attempt.signal,
          timeout: 0,
          autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
          rejectUnauthorized: true,
          maxCachedSessions: 0,
        });
        connector(options, (...outcome) => {
          opening.delete(attempt);
          callback(...outcome);
        });
      };
      // A kept connection may be dying just as a POST goes out on it; a fresh one is not.
      const dispatcher = new Agent({
        connect,
        pipelining: 0,
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: HTTP_RESPONSE_HEADER_BYTES_MAX,
      });
      const close = (): void => {
        // undici leaves alone what has not connected yet.
        for (const attempt of opening) attempt.abort();
        void dispatcher.destroy();
      };
      return { dispatcher, close };
    },
  };
}

/** Reads AOS_EGRESS_ALLOW: comma separated CIDRs, `host:port` or `host:from-to`. */
export function parseEgressAllow(text: string): EgressRule[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '').map(parseRule);
}

function parseRule(entry: string): EgressRule {
  if (entry.includes('/')) return parseCidr(entry);
  const match = /^(\[[^\]]+\]|[^:[\]@?#\\\s]+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(entry);
  const host = match?.[1] === undefined ? undefined : parseHost(match[1]);
  const portFrom = Number(match?.[2]);
  const portTo = Number(match?.[3] ?? match?.[2]);
  if (host === undefined || portFrom < 1 || portTo > 65_535 || portFrom > portTo) {
    throw badEntry(entry, 'is no CIDR, host:port or host:from-to with ports from 1 to 65535');
  }
  return { host, portFrom, portTo };
}

function parseCidr(entry: string): EgressRule {
  const [address = ''] = entry.split('/');
  if (isIP(address) === 0 || !ipaddr.isValidCIDR(entry)) throw badEntry(entry, 'is no CIDR');
  const cidr = ipaddr.parseCIDR(entry);
  if (cidr[1] === 0) throw badEntry(entry, 'would allow every address; name the ranges');
  if (parseAddress(address)?.kind() !== cidr[0].kind()) {
    throw badEntry(entry, 'is IPv4 inside IPv6; write it as IPv4');
  }
  return { cidr };
}

const badEntry = (entry: string, why: string): Error =>
  new Error(`AOS_EGRESS_ALLOW: the entry \`${entry}\` ${why}.`);

function allowsAddress(rule: EgressRule, ip: IpAddress, host: string, port: number): boolean {
  if ('cidr' in rule) return ip.kind() === rule.cidr[0].kind() && ip.match(rule.cidr);
  return coversPort(rule, port) && (rule.host === host || rule.host === ip.toString());
}

const mayAllowName = (rule: EgressRule, host: string, port: number): boolean =>
  'cidr' in rule || (coversPort(rule, port) && (rule.host === host || isIP(rule.host) !== 0));

const coversPort = (rule: { portFrom: number; portTo: number }, port: number): boolean =>
  rule.portFrom <= port && port <= rule.portTo;

const ASK = 'Use a public address, or ask the operator to add the target to AOS_EGRESS_ALLOW.';

const blocked = (message: string): AosError => new AosError('EGRESS_BLOCKED', message);

const blockedAddress = (host: string): AosError =>
  blocked(
    `The address ${host} may not be reached at this port: it is not public, or the port is no port for HTTP. ${ASK}`,
  );

// Which address it was stays unsaid: it may be a secret of the operator's network.
const blockedName = (hostname: string): AosError =>
  blocked(`The name ${hostname} leads to an address that may not be reached at this port. ${ASK}`);

const unresolved = (hostname: string, cause?: unknown): AosError =>
  new AosError(
    'DNS_FAILED',
    `No address was found for ${hostname}. Check the host name, or try again later.`,
    {},
    { cause },
  );

const resolveAll: ResolveName = (hostname) => lookupName(hostname, { all: true });
