import { microCentsFromCents } from '../../contracts/money.ts';
import type { ResolvedStep, StepPolicy } from '../../contracts/plan.ts';
import { checkCondition } from './check-condition.ts';
import type { DraftStep } from './draft.ts';
import type { PlanContext, StepPlace } from './plan-context.ts';
import { resolveCall } from './resolve-call.ts';
import type { ResolvedCall } from './resolve-call.ts';
import { retryPolicyOf } from './retry-policy.ts';
import { quote } from './wording.ts';

function checkAvailable({ problems }: PlanContext, { pointer, fields }: DraftStep): void {
  const refuse = (key: string, what: string): void =>
    problems.add(
      `${pointer}/${key}`,
      'NOT_AVAILABLE_YET',
      () => `${what} is not available in this version.`,
    );
  if (fields.on_error === 'ask') refuse('on_error', '`on_error: "ask"`');
}

function onErrorOf(
  context: PlanContext,
  { pointer, fields, given }: DraftStep,
): StepPolicy['on_error'] {
  const wanted = fields.on_error;
  const at = `${pointer}/on_error`;
  if (given.has('fallback')) {
    if (wanted === 'fail' || wanted === 'skip') {
      context.warnings.add(
        at,
        'ON_ERROR_IGNORED',
        () =>
          `the step has a \`fallback\`, so \`on_error\` is \`fallback\`; ${quote(wanted)} is ignored.`,
      );
    }
    return 'fallback';
  }
  if (wanted === 'fallback') {
    context.problems.add(
      at,
      'INVALID_TYPE',
      () =>
        '`on_error` is `fallback`, but the step has no `fallback`: add `{skill, params}` there.',
    );
  }
  return wanted === 'skip' ? 'skip' : 'fail';
}

function checkTimeout(
  context: PlanContext,
  { pointer, fields }: DraftStep,
  call: ResolvedCall,
): void {
  const { id, timeout } = call.contract;
  const timeoutMs = fields.timeout_ms;
  if (timeoutMs === undefined || timeoutMs <= timeout.max_ms) return;
  context.problems.add(
    `${pointer}/timeout_ms`,
    'DEADLINE_INVALID',
    () => `${timeoutMs} ms is more than ${quote(id)} may take: at most ${timeout.max_ms} ms.`,
  );
}

const calledAs = ({ contract, params, previousInto }: ResolvedCall) => ({
  skill: contract.id,
  skill_version: contract.version,
  params,
  ...(previousInto !== undefined && { previous_into: previousInto }),
});

/** Decides about one step all that can be decided at submit; undefined when its own call cannot be known. */
export function resolveStep(
  context: PlanContext,
  place: StepPlace,
  draft: DraftStep,
): ResolvedStep | undefined {
  const { pointer, fields } = draft;
  checkAvailable(context, draft);
  const when = fields.when && checkCondition(context, place, `${pointer}/when`, fields.when);
  const onError = onErrorOf(context, draft);
  const call = resolveCall(context, place, { pointer, skill: fields.skill, params: fields.params });
  const fallback =
    fields.fallback &&
    resolveCall(context, place, { pointer: `${pointer}/fallback`, ...fields.fallback });
  // What undoes a step comes after it: the step before is then the step itself.
  const after: StepPlace = { ...place, dependencies: [place.index], readsItself: true };
  const compensate =
    fields.compensate &&
    resolveCall(context, after, { pointer: `${pointer}/compensate`, ...fields.compensate });
  if (!call) return undefined;
  checkTimeout(context, draft, call);

  const { contract } = call;
  const policy: StepPolicy = {
    ...retryPolicyOf(fields.retry ?? call.retry, contract.retry.max_attempts),
    on_error: onError,
  };
  if (fallback) {
    policy.fallback_max_attempts =
      fallback.retry.max_attempts ?? fallback.contract.retry.max_attempts;
  }
  if (compensate) {
    policy.compensate_max_attempts =
      compensate.retry.max_attempts ?? compensate.contract.retry.max_attempts;
  }
  return {
    id: draft.id,
    index: place.index,
    ...calledAs(call),
    depends_on: place.dependencies.map((dependency) => context.ids[dependency]!),
    inline: contract.inline && !fallback && !compensate,
    policy,
    ...(when && { when }),
    ...(fields.timeout_ms !== undefined && { timeout_ms: fields.timeout_ms }),
    ...(fields.max_cost_cents !== undefined && {
      max_cost_micro_cents: microCentsFromCents(fields.max_cost_cents),
    }),
    ...(fields.idempotent !== undefined && { idempotent: fields.idempotent }),
    ...(fields.sensitive === true && { sensitive: true }),
    ...(fallback && { fallback: calledAs(fallback) }),
    ...(compensate && { compensate: calledAs(compensate) }),
  };
}
