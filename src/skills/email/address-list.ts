import { parseMailboxes } from './mailbox.ts';
import type { Mailbox } from './mailbox.ts';

const ENTRIES_MAX = 1000;

/** The addresses that a setting allows. */
export interface AddressList {
  allows(address: string): boolean;
  /** The first entry that is one address; undefined when all are whole domains. */
  first: Mailbox | undefined;
}

/** Reads comma-separated addresses, with or without display names; `*@example.org` allows a whole domain. */
export function parseAddressList(text: string): AddressList {
  const entries = parseMailboxes(text, ENTRIES_MAX);
  const keys = new Set(entries.map(({ address }) => keyOf(address)));
  return {
    allows: (address) => [address, `*@${hostOf(address)}`].some((key) => keys.has(keyOf(key))),
    first: entries.find(({ address }) => !address.startsWith('*@')),
  };
}

/** The host of an address. */
export const hostOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

/** No mail system that anybody uses tells Alerts@ from alerts@. */
const keyOf = (address: string): string => address.toLowerCase();
