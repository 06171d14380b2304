/** The types that a value may be bound as. */
export type BoundType =
  | 'text'
  | 'text[]'
  | 'float8'
  | 'float8[]'
  | 'boolean'
  | 'timestamptz'
  | 'jsonb'
  | 'bigint'
  | 'xid8';

/** Takes values and gives what stands for them in SQL: the only way of a caller's words into a statement. */
export interface Binder {
  values: unknown[];
  bind: (value: unknown, type: BoundType) => string;
}

export function createBinder(first: readonly unknown[]): Binder {
  const values = [...first];
  return {
    values,
    bind: (value, type) => {
      values.push(value);
      // There is no way from a number to a transaction's id but over text.
      return type === 'xid8' ? `$${values.length}::text::xid8` : `$${values.length}::${type}`;
    },
  };
}
