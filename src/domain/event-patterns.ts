/** Whether a type of event is among these; `run.*` is all of a kind, null is all there are. */
export function takesEvent(patterns: readonly string[] | null, type: string): boolean {
  if (patterns === null || patterns.includes(type)) return true;
  return patterns.includes(`${type.slice(0, type.indexOf('.'))}.*`);
}
