import type {
  AggregateFunction,
  Bucket,
  QueryOperator,
  QuerySource,
} from '../contracts/typed-query.ts';
import type { Field } from './catalogue/field.ts';
import type { Included, Source } from './catalogue/source.ts';

/** A field that a question names: one of the catalogue, or one label of it. */
export interface FieldRef {
  name: string;
  field: Field;
  /** The label that is meant, which only ever reaches Postgres as a value. */
  label?: string;
}

export type Scalar = string | number | boolean | Date;

export interface Test {
  kind: 'test';
  ref: FieldRef;
  op: QueryOperator;
  /** None for `exists` and `not_exists`, several for `in` and `not_in`. */
  values: Scalar[];
}

export type Condition =
  | { kind: 'and' | 'or'; parts: Condition[] }
  | { kind: 'not'; part: Condition }
  | Test;

export type Direction = 'asc' | 'desc';

export interface Group {
  name: string;
  ref: FieldRef;
  bucket?: Bucket;
}

export interface Aggregate {
  name: string;
  fn: AggregateFunction;
  /** None: whole rows are counted. */
  ref?: FieldRef;
  /** Of a percentile, from 0 to 1. */
  fraction?: number;
}

/** Rows as they are, or groups of them. */
export type Shape =
  | {
      kind: 'rows';
      select: FieldRef[];
      include: Included[];
      order: { ref: FieldRef; direction: Direction }[];
    }
  | {
      kind: 'groups';
      groups: Group[];
      aggregates: Aggregate[];
      /** By the place among groups and aggregates. */
      order: { column: number; direction: Direction }[];
    };

/** A question in which every name is one of the catalogue and every value has its field's type. */
export interface CheckedQuery {
  from: QuerySource;
  source: Source;
  where: Condition | undefined;
  shape: Shape;
  limit: number;
  cursor: string | undefined;
  /** The same for the same question, whatever its limit and cursor. */
  fingerprint: string;
}

/** What a field that is named holds: a label is a text. */
export const typeOf = ({ field, label }: FieldRef): Field['type'] =>
  label === undefined ? field.type : 'string';

export const isNullable = ({ field, label }: FieldRef): boolean =>
  label !== undefined || field.nullable;
