import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { QUERY_CONDITIONS_MAX, QUERY_DEPTH_MAX } from '../../contracts/limits.ts';
import { QUERY_OPERATORS } from '../../contracts/typed-query.ts';
import { keepKnown } from '../../domain/plan/known-keys.ts';
import { quote, quoteSome } from '../../domain/plan/wording.ts';
import type { Condition } from '../checked.ts';
import { typeOf } from '../checked.ts';
import { OPERATORS } from '../operators.ts';
import { lookUpField, lookUpWord } from './look-up.ts';
import type { Scope } from './look-up.ts';
import { checkValues } from './value.ts';

const KINDS = ['and', 'or', 'not', 'field'] as const;

/** Checks the tree of conditions; undefined when there is none, or a problem with it. */
export function checkWhere(scope: Scope, value: Json | undefined): Condition | undefined {
  if (value === undefined || value === null) return undefined;
  let count = 0;

  const check = (node: Json | undefined, pointer: string, depth: number): Condition | undefined => {
    const { problems } = scope;
    count += 1;
    // The first that is too many is told, and no more is looked at.
    if (count > QUERY_CONDITIONS_MAX) {
      if (count === QUERY_CONDITIONS_MAX + 1)
        problems.add(
          pointer,
          'TOO_LARGE',
          () => `has more than ${QUERY_CONDITIONS_MAX} conditions`,
        );
      return undefined;
    }
    if (depth > QUERY_DEPTH_MAX) {
      problems.add(pointer, 'TOO_DEEP', () => `nests deeper than ${QUERY_DEPTH_MAX} levels`);
      return undefined;
    }
    const kinds = isJsonObject(node) ? KINDS.filter((kind) => Object.hasOwn(node, kind)) : [];
    const [kind] = kinds;
    if (!isJsonObject(node) || kind === undefined || kinds.length > 1) {
      const forms = '`{and: […]}`, `{or: […]}`, `{not: …}` or `{field, op, value}`';
      problems.add(pointer, 'INVALID_TYPE', () => `must be one of ${forms}`);
      return undefined;
    }
    if (kind === 'field') return checkTest(scope, pointer, node);
    keepKnown(node, [kind], pointer, 'the condition', scope);
    if (kind === 'not') {
      const part = check(node['not'], `${pointer}/not`, depth + 1);
      return part && { kind, part };
    }
    const parts = node[kind];
    if (!Array.isArray(parts) || parts.length === 0) {
      problems.add(
        `${pointer}/${kind}`,
        'INVALID_TYPE',
        () => 'must be a list of at least one condition',
      );
      return undefined;
    }
    const checked = parts.map((part, index) =>
      check(part, `${pointer}/${kind}/${index}`, depth + 1),
    );
    return { kind, parts: checked.filter((part) => part !== undefined) };
  };
  return check(value, '/where', 1);
}

function checkTest(scope: Scope, pointer: string, node: JsonObject): Condition | undefined {
  keepKnown(node, ['field', 'op', 'value'], pointer, 'the condition', scope);
  const ref = lookUpField(scope, `${pointer}/field`, node['field']);
  const op = lookUpWord(scope, `${pointer}/op`, node['op'], QUERY_OPERATORS);
  if (!ref || !op) return undefined;
  const type = typeOf(ref);
  if (!OPERATORS[type].includes(op)) {
    const takes =
      type === 'labels'
        ? 'is asked by its labels: `labels.NAME`'
        : `takes ${quoteSome(OPERATORS[type], 20)}`;
    scope.problems.add(
      `${pointer}/op`,
      'INVALID_TYPE',
      () => `${quote(ref.name)} ${takes}, not \`${op}\``,
    );
    return undefined;
  }
  const values = checkValues(scope, `${pointer}/value`, ref, op, node['value']);
  return values && { kind: 'test', ref, op, values };
}
