import type { FailureCode } from '../../contracts/failure-codes.ts';
import { createFailure } from '../../contracts/failures.ts';
import type { Failure, FailureFacts, Problem } from '../../contracts/failures.ts';
import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { RESOLVED_PARAMS_BYTES_MAX } from '../../contracts/limits.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import type { StepRole } from '../../contracts/activities.ts';
import { evaluateCondition } from '../../domain/plan/conditions.ts';
import { previousIdOf, stepsReadBy } from '../../domain/plan/reads.ts';
import { resolveReferences } from '../../domain/plan/references.ts';
import type { Scope } from '../../domain/plan/references.ts';
import { createSecretTokens } from '../../secrets/tokens.ts';
import type { SkillRegistry } from '../../skills/registry.ts';
import type { Skill } from '../../skills/skill.ts';
import { sealedOtherwise } from '../failures.ts';
import { withoutQuotes } from '../skill-failure.ts';
import { callOf } from './step-calls.ts';

/** The values a step may read, and which skill gave each of them. */
export interface CallScope extends Scope {
  answeredBy: ReadonlyMap<string, string>;
  /** Steps whose outputs are sealed with another key than this process has. */
  unopened: ReadonlySet<string>;
}

export type PreparedCall =
  | {
      kind: 'call';
      skill: Skill;
      params: JsonObject;
      /** What stands in the params for a secret, by the names of the secrets. */
      secretTokens: ReadonlyMap<string, string>;
    }
  | { kind: 'skip' }
  | { kind: 'failure'; failure: Failure };

const failed = (code: FailureCode, message: string, facts?: FailureFacts): PreparedCall => ({
  kind: 'failure',
  failure: createFailure(code, message, facts),
});

/** Resolves what a step is to be called with: its condition, its references, what flows in, its skill's schema. */
export function prepareCall(
  skills: SkillRegistry,
  spec: ResolvedStep,
  role: StepRole,
  loaded: CallScope,
): PreparedCall {
  if (loaded.unopened.size > 0) {
    const shut = stepsReadBy(spec, loaded.stepIds).find((id) => loaded.unopened.has(id));
    if (shut !== undefined) return failed('SECRETS_KEY_WRONG', sealedOtherwise(shut));
  }
  const prepared = resolveCall(skills, spec, role, loaded);
  return spec.sensitive && prepared.kind === 'failure'
    ? { kind: 'failure', failure: withoutQuotes(prepared.failure) }
    : prepared;
}

function resolveCall(
  skills: SkillRegistry,
  spec: ResolvedStep,
  role: StepRole,
  loaded: CallScope,
): PreparedCall {
  const previousId = previousIdOf(spec, role);
  const scope: CallScope = { ...loaded, ...(previousId !== undefined && { previousId }) };
  if (role === 'main' && spec.when && !evaluateCondition(spec.when, scope)) return { kind: 'skip' };
  const wanted = callOf(spec, role);
  const skill = skills.get(wanted.skill);
  if (!skill)
    return failed('SKILL_NOT_FOUND', `The skill \`${wanted.skill}\` is not on this worker.`);

  const { tokens: secretTokens, tokenOf } = createSecretTokens();
  const reading = skill.contract.secrets_in ? { ...scope, tokenOf } : scope;
  const resolved = resolveReferences(wanted.params, reading, RESOLVED_PARAMS_BYTES_MAX);
  if (!resolved.ok) return failed(resolved.code, resolved.message);
  const params = { ...(resolved.value as JsonObject) };
  if (wanted.previous_into !== undefined) {
    const output = scope.steps.get(previousId!)?.output;
    if (output === undefined) {
      return failed(
        'REFERENCE_MISSING',
        `Step \`${previousId}\` was skipped, so there is no output for \`${wanted.previous_into}\`. Give the param a value of its own.`,
      );
    }
    params[wanted.previous_into] = passedOn(skills, scope.answeredBy.get(previousId!), output);
  }
  const parsed = skill.contract.params.safeParse(params);
  if (parsed.success)
    return { kind: 'call', skill, params: parsed.data as JsonObject, secretTokens };
  const errors: Problem[] = parsed.error.issues.map((issue) => ({
    pointer: ['', 'params', ...issue.path].join('/'),
    code: 'PARAMS_INVALID',
    message: issue.message,
  }));
  const first = errors[0]!;
  return failed(
    'PARAMS_INVALID',
    `The params of \`${wanted.skill}\` break its schema at ${first.pointer}: ${first.message}.`,
    { errors },
  );
}

function passedOn(skills: SkillRegistry, answeredBy: string | undefined, output: Json): Json {
  const field = skills.get(answeredBy ?? '')?.contract.passes_on;
  return field !== undefined && isJsonObject(output) ? (output[field] ?? null) : output;
}
