import { writeCursor } from './cursor.ts';

/** A row of a list that is ordered by `(created_at, id)`; `cursor_at` keeps the microseconds. */
interface Listed {
  id: string;
  cursor_at: string;
}

/** A page as lists answer it, from up to one row more than the page takes. */
export function toPage<Row extends Listed, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): { data: View[]; has_more: boolean; next_cursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    data: page.map(view),
    has_more: hasMore,
    next_cursor: hasMore ? writeCursor({ createdAt: last.cursor_at, id: last.id }) : null,
  };
}
