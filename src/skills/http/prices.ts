import { createHash } from 'node:crypto';
import { microCentsFromCents } from '../../contracts/money.ts';
import { hostOf, parseHost, portOf } from './address.ts';

const MIB = 1024 * 1024;
const CENTS_MAX = 1_000_000;
const ENTRY =
  /^(\[[^\]]+\]|[^:[\]/@?#\\\s=]+)(?::(\d{1,5}))?=(\d+(?:\.\d+)?)(?:\+(\d+(?:\.\d+)?)\/MiB)?$/;

/** What calls to some hosts cost; all other hosts are free. */
export interface HttpPrices {
  version: string;
  /** The entry that prices this URL: two URLs of one entry cost the same. */
  entryOf(url: URL): string | undefined;
  /** The most that one call can cost, in micro-cents. */
  worstCase(url: URL, responseBytesMax: number): number;
  /** What one call cost that received so many bytes, in micro-cents. */
  actual(url: URL, bytesReceived: number): number;
}

interface Price {
  callMicroCents: number;
  mibMicroCents: number;
}

/** Reads AOS_HTTP_PRICES: comma separated `host[:port]=CENTS_PER_CALL[+CENTS_PER_MIB/MiB]`. */
export function parseHttpPrices(text: string): HttpPrices {
  const prices = new Map<string, Price>();
  const entries = text.split(',').map((entry) => entry.trim());
  for (const entry of entries.filter((written) => written !== '')) {
    const [target, price] = parseEntry(entry);
    if (prices.has(target)) throw badEntry(entry, `prices ${target} a second time`);
    prices.set(target, price);
  }

  const entryOf = (url: URL): string | undefined => {
    const host = hostOf(url.hostname);
    return [targetOf(host, portOf(url)), host].find((target) => prices.has(target));
  };
  const priceOf = (url: URL, bytes: number): number => {
    const price = prices.get(entryOf(url) ?? '');
    return price === undefined ? 0 : price.callMicroCents + shareOf(price.mibMicroCents, bytes);
  };
  return { version: versionOf(prices), entryOf, worstCase: priceOf, actual: priceOf };
}

function parseEntry(entry: string): [string, Price] {
  const [, hostname, port, call, mib] = ENTRY.exec(entry) ?? [];
  const host = hostname === undefined ? undefined : parseHost(hostname);
  if (host === undefined) {
    throw badEntry(entry, 'is not host[:port]=CENTS_PER_CALL[+CENTS_PER_MIB/MiB]');
  }
  const portNumber = port === undefined ? undefined : Number(port);
  if (portNumber !== undefined && (portNumber < 1 || portNumber > 65_535)) {
    throw badEntry(entry, 'has a port outside 1 to 65535');
  }
  const cents = [Number(call), Number(mib ?? 0)] as const;
  if (cents.some((amount) => amount > CENTS_MAX)) {
    throw badEntry(entry, `has a price over ${CENTS_MAX} cents`);
  }
  const price = {
    callMicroCents: microCentsFromCents(cents[0]),
    mibMicroCents: microCentsFromCents(cents[1]),
  };
  return [targetOf(host, portNumber), price];
}

const targetOf = (host: string, port: number | undefined): string =>
  port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Exact, where doubles are not: rounded up to a whole micro-cent. */
const shareOf = (mibMicroCents: number, bytes: number): number =>
  Number((BigInt(mibMicroCents) * BigInt(bytes) + BigInt(MIB - 1)) / BigInt(MIB));

function versionOf(prices: ReadonlyMap<string, Price>): string {
  const lines = [...prices].map(
    ([target, { callMicroCents, mibMicroCents }]) => `${target}=${callMicroCents}+${mibMicroCents}`,
  );
  const canonical = lines.sort().join(',');
  return `http-${createHash('sha256').update(canonical).digest('hex').slice(0, 12)}`;
}

const badEntry = (entry: string, why: string): Error =>
  new Error(`AOS_HTTP_PRICES: the entry \`${entry}\` ${why}.`);
