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

/** One field of a source. Its SQL is ours, and the only way of it into a statement. */
export interface Field {
  type: FieldType;
  sql: string;
  nullable: boolean;
  description: string;
  /** The words of an enum. */
  values?: readonly string[];
  /** Kept in micro-cents, and told in cents. */
  isMoney?: boolean;
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
  number(sql, description, { isMoney: true, ...more });
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

/** The milliseconds between two moments, to the microsecond. */
export const millisecondsBetween = (from: string, to: string): string =>
  `(extract(epoch FROM (${to} - ${from})) * 1000)`;

/** The code of a failure that is kept as JSON text: inside a string its quotes would be escaped. */
export const codeOf = (sql: string): string => `substring(${sql} FROM '"code":"([A-Z0-9_]+)"')`;
