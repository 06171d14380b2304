import { AosError } from '../../contracts/failures.ts';
import { isPostgresTime } from '../../domain/postgres-time.ts';
import type { Direction } from '../checked.ts';
import type { Binder, BoundType } from './binder.ts';

export type OrderType = 'string' | 'number' | 'whole' | 'boolean' | 'time' | 'transaction';

/** One column of an order; `sql` is asked for each place where it stands, as it may bind values. */
export interface OrderColumn {
  sql: () => string;
  type: OrderType;
  isNullable: boolean;
  direction: Direction;
}

export type CursorValue = string | number | boolean | null;

const BOUND: Readonly<Record<OrderType, BoundType>> = {
  string: 'text',
  number: 'float8',
  whole: 'bigint',
  boolean: 'boolean',
  time: 'timestamptz',
  transaction: 'xid8',
};

/** What is not there comes last, in either direction. Where nothing is missing no more is said, so that indexes serve. */
export const orderOf = (columns: readonly OrderColumn[]): string =>
  columns
    .map(
      ({ sql, direction, isNullable }) =>
        `${sql()} ${direction === 'asc' ? 'ASC' : 'DESC'}${isNullable ? ' NULLS LAST' : ''}`,
    )
    .join(', ');

/** A column of an order as a cursor keeps it. */
export const keptOf = ({ sql, type }: OrderColumn): string => {
  switch (type) {
    case 'time':
    case 'transaction':
      return `(${sql()})::text`;
    case 'number':
    case 'whole':
      return `(${sql()})::float8`;
    case 'string':
    case 'boolean':
      return sql();
  }
};

/** What comes behind a row, whose columns have these values. */
export function afterOf(
  columns: readonly OrderColumn[],
  values: readonly CursorValue[],
  { bind }: Binder,
): string {
  const bound = (index: number): string => bind(values[index], BOUND[columns[index]!.type]);
  const [first] = columns;
  const isPlain = columns.every(
    ({ isNullable, direction }) => !isNullable && direction === first!.direction,
  );
  if (isPlain) {
    const row = columns.map(({ sql }) => sql()).join(', ');
    const end = columns.map((_, index) => bound(index)).join(', ');
    return `(${row}) ${first!.direction === 'asc' ? '>' : '<'} (${end})`;
  }
  const after = (index: number): string => {
    const column = columns[index];
    if (!column) return 'false';
    const isThere = values[index] !== null;
    const beyond = column.direction === 'asc' ? '>' : '<';
    const strictly = isThere
      ? `${column.sql()} ${beyond} ${bound(index)}${column.isNullable ? ` OR ${column.sql()} IS NULL` : ''}`
      : 'false';
    const same = isThere ? `${column.sql()} = ${bound(index)}` : `${column.sql()} IS NULL`;
    return `(${strictly} OR (${same} AND ${after(index + 1)}))`;
  };
  return after(0);
}

const TRANSACTION = /^(0|[1-9]\d{0,18})$/;

const fits = (value: unknown, { type, isNullable }: OrderColumn): boolean => {
  if (value === null) return isNullable;
  switch (type) {
    case 'string':
      return typeof value === 'string' && !/[\0\p{Surrogate}]/u.test(value);
    case 'number':
      return typeof value === 'number';
    case 'whole':
      return Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'time':
      return typeof value === 'string' && isPostgresTime(value);
    case 'transaction':
      return typeof value === 'string' && TRANSACTION.test(value);
  }
};

export const writeCursor = (fingerprint: string, values: readonly CursorValue[]): string =>
  Buffer.from(JSON.stringify([fingerprint, ...values])).toString('base64url');

/** Where a page of this question ended. Errors: CURSOR_INVALID. */
export function readCursor(
  text: string,
  fingerprint: string,
  columns: readonly OrderColumn[],
): CursorValue[] {
  try {
    const read = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
    const isWhole =
      Array.isArray(read) && read[0] === fingerprint && read.length === columns.length + 1;
    // What has no order has one page.
    if (isWhole && columns.length > 0) {
      const values = read.slice(1) as CursorValue[];
      const doFit = columns.every((column, index) => fits(values[index], column));
      if (doFit && writeCursor(fingerprint, values) === text) return values;
    }
  } catch {
    // Falls through: whatever it is, this question did not make it.
  }
  throw new AosError(
    'CURSOR_INVALID',
    'The cursor was not made by this question. Start again without one, or ask the same as before.',
  );
}
