import type { JsonObject } from '../../contracts/json.ts';
import type { RetryWish } from '../../contracts/plan.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { SECRETS_PER_CALL_MAX } from '../../contracts/limits.ts';
import { nearest } from '../near-miss.ts';
import { checkReference, checkReferences } from './check-references.ts';
import { checkParams, keepKnownParams } from './check-params.ts';
import type { PlanContext, StepPlace } from './plan-context.ts';
import { parseReference } from './reference-syntax.ts';
import { mentionsReference, secretNamesIn } from './references.ts';
import { retryWishOf } from './retry-policy.ts';
import { quote, quoteSome, didYouMean } from './wording.ts';

/** A step's own call or its fallback's, as far as its shape is right. */
export interface CallDraft {
  pointer: string;
  skill: string | undefined;
  params: JsonObject | undefined;
}

export interface ResolvedCall {
  contract: SkillContract;
  params: JsonObject;
  previousInto?: string;
  retry: RetryWish;
}

/** Steps that the workflow will do itself. */
const LATER_SKILLS: ReadonlySet<string> = new Set(['wait', 'approve']);

function findContract(context: PlanContext, draft: CallDraft): SkillContract | undefined {
  const { skill } = draft;
  if (skill === undefined) return undefined;
  const pointer = `${draft.pointer}/skill`;
  if (LATER_SKILLS.has(skill)) {
    context.problems.add(
      pointer,
      'NOT_AVAILABLE_YET',
      () => `${quote(skill)} steps are not available in this version.`,
    );
    return undefined;
  }
  const contract = context.contracts.get(skill);
  if (contract) return contract;
  const known = [...context.contracts.keys()];
  const near = (): string | undefined => nearest(skill, known);
  context.problems.add(
    pointer,
    'SKILL_NOT_FOUND',
    () =>
      `there is no skill ${quote(skill)}${didYouMean(near()) || '.'} The skills are ${quoteSome(known, 30)}.`,
    near,
  );
  return undefined;
}

/** `input_path: "$.steps[0].result.body"` means `data: "{{steps[0].result.body}}"`, and goes before other inputs. */
function rewriteInputPath(
  context: PlanContext,
  place: StepPlace,
  pointer: string,
  params: JsonObject,
): JsonObject {
  const { input_path: inputPath, ...rest } = params;
  if (typeof inputPath !== 'string') return params;
  const at = `${pointer}/input_path`;
  const parsed = parseReference(inputPath.startsWith('$.') ? inputPath.slice(2) : '');
  if (parsed.kind === 'unknown_root') {
    context.problems.add(
      at,
      'REFERENCE_INVALID',
      () =>
        `${quote(inputPath)} is not a valid path: write \`$.steps[N].result\` with \`.field\` or \`[n]\` behind it.`,
    );
    return params;
  }
  checkReference(context, place, at, parsed);
  if (parsed.kind === 'malformed') return params;
  delete rest['input'];
  return { ...rest, data: `{{${parsed.reference.source}}}` };
}

/** What the step before passes on goes into a param when the plan gives no value of its own. */
function takePrevious(
  context: PlanContext,
  contract: SkillContract,
  place: StepPlace,
  pointer: string,
  params: JsonObject,
): 'nothing' | 'previous' | 'null' {
  const takes = contract.takes_previous;
  if (!takes || [takes.into, ...takes.unless].some((key) => Object.hasOwn(params, key)))
    return 'nothing';
  const count = place.dependencies.length;
  if (count === 1 || place.isUncertain) return 'previous';
  if (count === 0) return 'null';
  context.problems.add(
    pointer,
    'PREVIOUS_AMBIGUOUS',
    () =>
      `${quote(contract.id)} takes the output of the step before, but this step has ${count} dependencies. Give \`${takes.into}\`, for instance \`{{steps.ID.output}}\`.`,
  );
  return 'previous';
}

/** Checks one call against its skill's contract and settles what can be settled at submit. */
export function resolveCall(
  context: PlanContext,
  place: StepPlace,
  draft: CallDraft,
): ResolvedCall | undefined {
  const pointer = `${draft.pointer}/params`;
  const contract = findContract(context, draft);
  const written = draft.params;
  if (!contract || !written) {
    checkReferences(context, place, pointer, written ?? {});
    return undefined;
  }
  const { params: known, meant } = keepKnownParams(context, contract, pointer, written);
  const { input_path: inputPath, ...others } = known;
  const checked = inputPath === undefined ? known : others;
  checkReferences(context, place, pointer, checked, contract.secrets_in);
  const secrets = contract.secrets_in === undefined ? [] : secretNamesIn(checked);
  if (secrets.length > SECRETS_PER_CALL_MAX) {
    context.problems.add(
      pointer,
      'PARAMS_INVALID',
      () => `the call uses ${secrets.length} secrets; at most ${SECRETS_PER_CALL_MAX} are allowed.`,
    );
  }

  const params = rewriteInputPath(context, place, pointer, known);
  const takes = takePrevious(context, contract, place, pointer, { ...known, ...params });
  const into = contract.takes_previous?.into;
  if (takes === 'null' && into !== undefined) params[into] = null;
  const previousInto = takes === 'previous' ? into : undefined;
  const told = checkParams(context, contract, pointer, params, previousInto, meant);

  const hasRetry = 'retry' in contract.params.shape;
  if (hasRetry && mentionsReference(params['retry'] ?? null)) {
    context.problems.add(
      `${pointer}/retry`,
      'PARAMS_INVALID',
      () => '`retry` decides before the call, so it cannot hold references: write plain numbers.',
    );
  }
  const retry = retryWishOf(hasRetry ? params['retry'] : undefined, (key, message) => {
    if (told.has(`retry/${key}`)) return;
    context.problems.add(`${pointer}/retry/${key}`, 'PARAMS_INVALID', () => message);
  });
  return { contract, params, retry, ...(previousInto !== undefined && { previousInto }) };
}
