const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30d`, `12h`, `5m` from now on, or a moment of its own, which is checked elsewhere. */
export function expiryOf(text: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined) return text;
  return new Date(nowMs + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]).toISOString();
}
