import type { Field } from './field.ts';

/** A column of the key that tells the rows of a source apart, how a cursor keeps it, and how it is read from there. */
export interface KeyColumn {
  sql: string;
  type: 'string' | 'whole' | 'transaction';
}

/** Something large that is only told when it is asked for. */
export interface Included {
  name: string;
  /** JSON text. */
  sql: string;
  /** How large it is, where it may be kept elsewhere. */
  bytes: string;
  /** Where it can be read in full; null when nowhere. */
  path: string;
  /** The part of the JSON that is meant. */
  part?: string;
}

/** One thing that can be asked about. `$1` is the tenant in all SQL of it. */
export interface Source {
  description: string;
  from: string;
  /** Holds the tenant, of every table that has one. */
  where: string;
  /** The agent that a row belongs to: a key that is bound to one sees no others. */
  agent: string;
  fields: Readonly<Record<string, Field>>;
  key: readonly KeyColumn[];
  /** Newest first, where nobody asks for another order. */
  order: readonly string[];
  /** Shorter ways to the same rows, where it is asked that a field has a value. */
  narrower?: readonly { field: string; value: string | boolean; from: string; where: string }[];
  inputs?: readonly Included[];
  outputs?: readonly Included[];
}
