import type { Json } from '../../contracts/json.ts';
import { JSON_DEPTH_MAX, PLAN_BYTES_MAX } from '../../contracts/limits.ts';
import { measureJson } from './json-size.ts';
import { stringsOf } from './json-strings.ts';
import type { Findings } from './known-keys.ts';

/** Whether the value is JSON within bounds; beyond them nothing else may be looked at. */
export function isWithinBounds(raw: unknown, pointer: string, { problems }: Findings): raw is Json {
  const size = measureJson(raw, PLAN_BYTES_MAX, JSON_DEPTH_MAX);
  switch (size.kind) {
    case 'too_large':
      problems.add(
        pointer,
        'TOO_LARGE',
        () =>
          `the plan is larger than ${PLAN_BYTES_MAX} bytes (1 MiB). Pass large data by reference, for instance a URL that a step fetches.`,
      );
      return false;
    case 'too_deep':
      problems.add(
        pointer,
        'TOO_DEEP',
        () => `the plan nests deeper than ${JSON_DEPTH_MAX} levels. Flatten it.`,
      );
      return false;
    case 'not_json':
      problems.add(
        pointer,
        'INVALID_TYPE',
        () => 'the plan holds a value that JSON cannot express.',
      );
      return false;
    case 'ok':
      return true;
  }
}

/** U+0000 has no place in Postgres text, and none in a plan. */
export function refuseNulCharacters(raw: Json, pointer: string, { problems }: Findings): void {
  for (const { pointer: at, text, isKey } of stringsOf(raw, pointer)) {
    if (!text.includes('\0')) continue;
    problems.add(
      at,
      'NUL_CHARACTER',
      () =>
        `this ${isKey ? 'key' : 'string'} holds the character U+0000, which a plan may not hold. Remove it.`,
    );
  }
}
