import { MICRO_CENTS_PER_CENT } from '../../contracts/money.ts';

/** What kind of value a field holds, and with it which operators and aggregates it takes. */
export type FieldType =
  | 'string'
  | 'enum'
  | 'number'
  | 'boolean'
  | 'time'
  | 'list'
  | 'labels'
  | 'json';

export type Unit = 'cents' | 'milliseconds';

/** How many of what is kept make one of what is told: micro-cents and microseconds are whole numbers. */
export const KEPT: Readonly<Record<Unit, number>> = {
  cents: MICRO_CENTS_PER_CENT,
  milliseconds: 1000,
};

/** One field of a source. Its SQL is ours, and the only way of it into a statement. */
export interface Field {
  type: FieldType;
  sql: string;
  nullable: boolean;
  description: string;
  /** The words of an enum. */
  values?: readonly string[];
  /** What it is told in, where that is not what it is kept in. */
  unit?: Unit;
  /** Postgres finds rows by it without reading all of them. */
  isIndexed?: boolean;
  /** Told only when it is selected by its name. */
  isExtra?: boolean;
  /** Ordered as its column is, so that an index may serve: ids, which are plain ASCII or whole numbers. */
  isId?: boolean;
}

type More = Partial<Omit<Field, 'type' | 'sql' | 'description'>>;

const ofType =
  (type: FieldType) =>
  (sql: string, description: string, more: More = {}): Field => ({
    type,
    sql,
    description,
    nullable: false,
    ...more,
  });

export const string = ofType('string');
export const number = ofType('number');
export const boolean = ofType('boolean');
export const time = ofType('time');
export const list = ofType('list');
export const json = ofType('json');

export const id = (sql: string, description: string, more: More = {}): Field =>
  string(sql, description, { isId: true, ...more });
export const cents = (sql: string, description: string, more: More = {}): Field =>
  number(sql, description, { unit: 'cents', ...more });

/** How long it was from one moment to another, kept in microseconds. */
export const duration = (from: string, to: string, description: string, more: More = {}): Field =>
  number(`(date_part('epoch', ${to} - ${from}) * 1000000)::bigint`, description, {
    unit: 'milliseconds',
    ...more,
  });
export const oneOf = (
  sql: string,
  values: readonly string[],
  description: string,
  more: More = {},
): Field => ({ type: 'enum', sql, description, values, nullable: false, ...more });

export const labels = (sql: string, more: More = {}): Field => ({
  type: 'labels',
  sql,
  nullable: false,
  description: 'All labels; one of them is the field `labels.NAME`, a string or null.',
  ...more,
});

/** The code of a failure that is kept as JSON text: inside a string its quotes would be escaped. */
export const codeOf = (sql: string): string => `substring(${sql} FROM '"code":"([A-Z0-9_]+)"')`;
