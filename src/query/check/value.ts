import type { Json } from '../../contracts/json.ts';
import { QUERY_LIST_MAX, QUERY_TEXT_LENGTH_MAX } from '../../contracts/limits.ts';
import { parseMoment } from '../../contracts/run-query.ts';
import type { QueryOperator } from '../../contracts/typed-query.ts';
import type { FieldRef, Scalar } from '../checked.ts';
import { typeOf } from '../checked.ts';
import { lookUpWord } from './look-up.ts';
import type { Scope } from './look-up.ts';

/** What an operator compares with, each value of the field's type; problems are told where they are. */
export function checkValues(
  scope: Scope,
  pointer: string,
  ref: FieldRef,
  op: QueryOperator,
  value: Json | undefined,
): Scalar[] | undefined {
  const { problems } = scope;
  if (op === 'exists' || op === 'not_exists') {
    if (value === undefined) return [];
    problems.add(pointer, 'INVALID_TYPE', () => `\`${op}\` compares with no value: leave it out`);
    return undefined;
  }
  if (op !== 'in' && op !== 'not_in') {
    const one = checkScalar(scope, pointer, ref, value);
    return one === undefined ? undefined : [one];
  }
  if (!Array.isArray(value) || value.length > QUERY_LIST_MAX) {
    problems.add(
      pointer,
      'INVALID_TYPE',
      () => `must be a list of at most ${QUERY_LIST_MAX} values`,
    );
    return undefined;
  }
  const all = value.map((each, index) => checkScalar(scope, `${pointer}/${index}`, ref, each));
  return all.some((each) => each === undefined) ? undefined : (all as Scalar[]);
}

function checkScalar(
  scope: Scope,
  pointer: string,
  ref: FieldRef,
  value: Json | undefined,
): Scalar | undefined {
  const refuse = (what: string): undefined => {
    scope.problems.add(pointer, 'INVALID_TYPE', () => `\`${ref.name}\` compares with ${what}`);
    return undefined;
  };
  if (value === null || value === undefined) return refuse('a value; for none use `not_exists`');
  switch (typeOf(ref)) {
    case 'number':
      return typeof value === 'number' ? value : refuse('a number');
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse('true or false');
    case 'time':
      return (
        (typeof value === 'string' && parseMoment(value)) ||
        refuse('a time in ISO 8601, for instance 2026-01-31T12:00:00Z')
      );
    case 'enum':
      return lookUpWord(scope, pointer, value, ref.field.values ?? []);
    case 'string':
    case 'list':
    case 'labels':
    case 'json':
      return typeof value === 'string' && value.length <= QUERY_TEXT_LENGTH_MAX
        ? value
        : refuse(`a text of at most ${QUERY_TEXT_LENGTH_MAX} characters`);
  }
}
