import type { Condition } from '../../contracts/plan.ts';
import { checkReference } from './check-references.ts';
import { bareReference, parseConditionReference } from './conditions.ts';
import type { PlanContext, StepPlace } from './plan-context.ts';
import { mentionsReference } from './references.ts';
import { quote } from './wording.ts';

const WITHOUT_VALUE: ReadonlySet<Condition['op']> = new Set(['exists', 'not_exists']);

/** Checks a step's `when`, and writes its `ref` without braces. */
export function checkCondition(
  context: PlanContext,
  place: StepPlace,
  pointer: string,
  condition: Condition,
): Condition {
  const { problems } = context;
  const parsed = parseConditionReference(condition.ref);
  if (parsed.kind === 'unknown_root') {
    problems.add(
      `${pointer}/ref`,
      'REFERENCE_INVALID',
      () =>
        `${quote(condition.ref)} is not a reference: write \`steps.ID.output…\`, \`previous.output…\` or \`input…\`.`,
    );
  } else {
    checkReference(context, place, `${pointer}/ref`, parsed);
  }
  if (condition.value === undefined && !WITHOUT_VALUE.has(condition.op)) {
    problems.add(
      `${pointer}/value`,
      'INVALID_TYPE',
      () => `\`${condition.op}\` compares with a \`value\`: give one, or use \`exists\`.`,
    );
  }
  if (condition.value !== undefined && mentionsReference(condition.value)) {
    problems.add(
      `${pointer}/value`,
      'REFERENCE_INVALID',
      () =>
        'the `value` of a condition is literal: put the reference into `ref`, and a plain value here.',
    );
  }
  return { ...condition, ref: bareReference(condition.ref) };
}
