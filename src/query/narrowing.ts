import { quoteSome } from '../domain/plan/wording.ts';
import type { CheckedQuery, Condition, Test } from './checked.ts';
import { typeOf } from './checked.ts';

/** What of a question to narrow, so that Postgres can answer it in time. */
export function narrowingOf({ source, where, shape }: CheckedQuery): string[] {
  const indexed = Object.entries(source.fields).filter(([, field]) => field.isIndexed);
  const times = indexed.filter(([, { type }]) => type === 'time').map(([name]) => name);
  const tests = where ? [...testsIn(where)] : [];
  const isRanged = tests.some(({ ref }) => times.includes(ref.name));
  const isExact = tests.some(
    ({ ref, op }) => ref.field.isIndexed && (op === 'eq' || op === 'in') && typeOf(ref) !== 'time',
  );
  const searched = tests.filter(
    ({ op }) => op === 'contains' || op === 'starts_with' || op === 'ends_with',
  );
  const others = indexed.map(([name]) => name).filter((name) => !times.includes(name));
  return [
    ...times.map((name) =>
      isRanged
        ? `Name a shorter range of \`${name}\`.`
        : `Name a range of time: {"field": "${name}", "op": "gte", "value": …}.`,
    ),
    ...(isExact || others.length === 0
      ? []
      : [
          `Add a condition \`eq\` or \`in\` on an indexed field: ${quoteSome(others, others.length)}.`,
        ]),
    ...(searched.length === 0
      ? []
      : [`Search fewer rows: \`contains\`, \`starts_with\` and \`ends_with\` read each of them.`]),
    ...(shape.kind === 'groups' && shape.groups.length > 1
      ? [`Make fewer groups: \`group_by\` names ${shape.groups.length} fields.`]
      : []),
    ...(shape.kind === 'rows' && shape.order.some(({ ref }) => !ref.field.isIndexed)
      ? ['Leave `order_by` out: the newest come first then, and no other order has an index.']
      : []),
  ];
}

function* testsIn(condition: Condition): Generator<Test> {
  if (condition.kind === 'test') yield condition;
  else if (condition.kind === 'not') yield* testsIn(condition.part);
  else for (const part of condition.parts) yield* testsIn(part);
}
