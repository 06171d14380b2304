import type { Problem } from '../contracts/failures.ts';
import { SECRET_NAME_PATTERN } from '../contracts/secret-name.ts';
import { quote } from '../domain/plan/wording.ts';
import { markOf } from './redaction/mark.ts';

/** What no schema of the body can tell of a secret. */
export function problemsOfSecret(name: string, value: string): Problem[] {
  const problems: Problem[] = [];
  if (!SECRET_NAME_PATTERN.test(name)) {
    const message = `${quote(name)} is no name of a secret: a letter, then up to 63 letters, digits, \`_\` or \`-\`.`;
    problems.push({ pointer: '/name', code: 'INVALID_TYPE', message });
  }
  // What hides it would show it.
  if (markOf(name).includes(value.trim())) {
    const message = `is part of \`${markOf(name)}\`, which stands in place of the secret wherever it comes back`;
    problems.push({ pointer: '/value', code: 'INVALID_TYPE', message });
  }
  return problems;
}
