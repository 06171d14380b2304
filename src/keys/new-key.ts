import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { HashKey } from './deps.ts';

const PREFIX_LENGTH = 12;

/** What the table keeps of a key. */
export interface KeyMarks {
  id: string;
  hash: Buffer;
  prefix: string;
}

export const marksOfKey = (key: string, hashKey: HashKey): KeyMarks => ({
  id: `key_${uuidv7()}`,
  hash: hashKey(key),
  prefix: key.slice(0, PREFIX_LENGTH),
});

export const randomKey = (): string => `aos_${randomBytes(32).toString('base64url')}`;
