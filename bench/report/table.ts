/** Rows of text in columns; the first row is the head, the first column stands left and the others right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      )
      .join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

/** Three significant figures. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

export const formatSpread = ({
  median,
  min,
  max,
}: {
  median: number;
  min: number;
  max: number;
}): string => `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`;
