/** Rows as columns of a terminal, under their names. */
export function toTable(rows: readonly Readonly<Record<string, string>>[]): string {
  if (rows.length === 0) return 'none';
  const names = Object.keys(rows[0]!);
  const widthOf = (name: string) =>
    Math.max(name.length, ...rows.map((row) => row[name]?.length ?? 0));
  const lineOf = (row: Readonly<Record<string, string>>) =>
    names
      .map((name) => (row[name] ?? '').padEnd(widthOf(name)))
      .join('  ')
      .trimEnd();
  return [Object.fromEntries(names.map((name) => [name, name])), ...rows].map(lineOf).join('\n');
}
