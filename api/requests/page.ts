import { writeCursor, writeNameCursor } from './cursor.ts';

/** A row of a list that is ordered by `(created_at, id)`; `cursor_at` keeps the microseconds. */
interface Listed {
  id: string;
  cursor_at: string;
}

interface Page<View> {
  data: View[];
  has_more: boolean;
  next_cursor: string | null;
}

/** A page as lists answer it, from up to one row more than the page takes. */
export const toPage = <Row extends Listed, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): Page<View> =>
  cut(rows, limit, view, (last) => writeCursor({ createdAt: last.cursor_at, id: last.id }));

/** The same of a list that is in the order of names. */
export const toPageOfNames = <Row extends { name: string }, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): Page<View> => cut(rows, limit, view, ({ name }) => writeNameCursor(name));

function cut<Row, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
  cursorOf: (last: Row) => string,
): Page<View> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    data: page.map(view),
    has_more: hasMore,
    next_cursor: hasMore ? cursorOf(last) : null,
  };
}
