export type PathPart = string | number;

/** A place in the run's data; `source` is how the plan wrote it, without braces. */
export type Reference = { source: string; path: PathPart[] } & (
  | { root: 'input' }
  | { root: 'steps'; step: string | number; field: 'output' | 'failure' }
  | { root: 'previous' }
  | { root: 'secrets'; name: string }
);

export type ParsedReference =
  | { kind: 'reference'; reference: Reference }
  /** Under a known root, but no valid path. */
  | { kind: 'malformed'; source: string; why: string }
  | { kind: 'unknown_root'; source: string; root: string };

export type TextPart = { kind: 'text'; text: string } | ParsedReference;

export const REFERENCE_ROOTS = ['input', 'steps', 'previous', 'secrets'] as const;

// A third opening brace belongs to the text: `{{{steps.a.output}}}` is a reference between single braces.
const TOKEN = /\\\{\{|\{\{(?!\{)((?:[^{}\\]|\\(?!\{\{))*)(\}\})?/g;
const PATH_PART = /\.([^.[\]{}\s]+)|\[(0|[1-9]\d{0,14})\]/y;

function parsePath(text: string): PathPart[] | undefined {
  const path: PathPart[] = [];
  PATH_PART.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    PATH_PART.lastIndex = end;
    const match = PATH_PART.exec(text);
    if (!match) return undefined;
    path.push(match[1] ?? Number(match[2]));
    end = PATH_PART.lastIndex;
  }
  return path;
}

const isOutput = (part: PathPart | undefined): boolean => part === 'output' || part === 'result';

/** Reads what stands between the braces of a reference. */
export function parseReference(text: string): ParsedReference {
  const source = text.trim();
  const root = /^[^.[\]\s]*/.exec(source)![0];
  if (!REFERENCE_ROOTS.some((known) => known === root))
    return { kind: 'unknown_root', source, root };
  const malformed = (why: string): ParsedReference => ({ kind: 'malformed', source, why });
  const path = parsePath(source.slice(root.length));
  if (!path) return malformed('after the root only `.name` and `[n]` may follow');
  const [first, second] = path;
  if (root === 'input') return { kind: 'reference', reference: { root, source, path } };
  if (root === 'previous') {
    if (!isOutput(first)) return malformed('`previous` is followed by `.output`');
    return { kind: 'reference', reference: { root, source, path: path.slice(1) } };
  }
  if (root === 'secrets') {
    if (typeof first !== 'string' || path.length !== 1) return malformed('write `secrets.NAME`');
    return { kind: 'reference', reference: { root, source, path: [], name: first } };
  }
  if (first === undefined || !(isOutput(second) || second === 'failure')) {
    return malformed('write `steps.ID.output`, `steps[N].output` or `steps.ID.failure`');
  }
  const field = second === 'failure' ? 'failure' : 'output';
  return {
    kind: 'reference',
    reference: { root: 'steps', source, path: path.slice(2), step: first, field },
  };
}

/** Writes a text so that it holds no references: resolved, it is itself again. */
export const escapeReferences = (text: string): string => text.replaceAll('{{', String.raw`\{{`);

/** Splits a string into plain text and the references in it. */
export function parseReferences(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let plain = '';
  let end = 0;
  for (const match of text.includes('{{') ? text.matchAll(TOKEN) : []) {
    plain += text.slice(end, match.index);
    end = match.index + match[0].length;
    const inside = match[1];
    if (inside === undefined) {
      plain += '{{';
      continue;
    }
    let parsed = parseReference(inside);
    if (match[2] === undefined) {
      if (parsed.kind === 'unknown_root') {
        plain += match[0];
        continue;
      }
      parsed = { kind: 'malformed', source: inside.trim(), why: 'its closing braces are missing' };
    }
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
    parts.push(parsed);
    // Such a part stays in the text as it was written, spaces included.
    if (parsed.kind !== 'reference') plain = match[0];
  }
  plain += text.slice(end);
  if (plain !== '') parts.push({ kind: 'text', text: plain });
  return parts;
}
