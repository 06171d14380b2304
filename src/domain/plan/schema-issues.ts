import type { z } from 'zod';

export interface SchemaIssue {
  path: PropertyKey[];
  message: string;
  /** Nothing stands at the path, and something must. */
  isMissing: boolean;
}

type ZodIssue = z.core.$ZodIssue;

/** A union says only that nothing fits: the branch that came furthest says why. */
function branchOf(issue: ZodIssue): ZodIssue[] | undefined {
  if (issue.code !== 'invalid_union') return undefined;
  return issue.errors.find(
    (branch) => branch.length > 0 && branch.every(({ path }) => path.length > 0),
  );
}

function messageOf(issue: ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message;
  const messages = new Set(issue.errors.flatMap((branch) => branch.map(({ message }) => message)));
  return messages.size === 0 ? issue.message : [...messages].slice(0, 4).join(', or ');
}

const own = (value: unknown, key: PropertyKey): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;

/** The issues of a failed parse in the words of a problem. */
export function* issuesOf(error: z.ZodError, value: unknown): Generator<SchemaIssue> {
  for (const issue of error.issues) {
    for (const inner of branchOf(issue) ?? [issue]) {
      const path = inner === issue ? issue.path : [...issue.path, ...inner.path];
      // A refinement has words of its own for what is missing.
      const isMissing = inner.code !== 'custom' && path.reduce<unknown>(own, value) === undefined;
      yield { path, isMissing, message: isMissing ? 'is required' : messageOf(inner) };
    }
  }
}
