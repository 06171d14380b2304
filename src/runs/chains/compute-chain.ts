import type { ExecuteInline, InlineReply, StepStatus } from '../../contracts/activities.ts';
import { createFailure } from '../../contracts/failures.ts';
import type { Failure } from '../../contracts/failures.ts';
import type { Json } from '../../contracts/json.ts';
import {
  INLINE_CHAIN_BYTES_MAX,
  INLINE_CHAIN_MS_MAX,
  INLINE_CHAIN_STEPS_MAX,
} from '../../contracts/limits.ts';
import type { SkillResult } from '../../contracts/skill.ts';
import { afterTry } from '../../domain/after-try.ts';
import type { TryOutcome } from '../../domain/after-try.ts';
import { effectKeyOf } from '../../domain/effect-keys.ts';
import { stepsOfPlan } from '../../domain/plan/goal-step.ts';
import { stepsReadBy } from '../../domain/plan/reads.ts';
import { readySteps } from '../../domain/ready-steps.ts';
import type { Skill, SkillCall } from '../../skills/skill.ts';
import { readStepValues } from '../../storage/steps.ts';
import type { RunState } from '../../storage/runs.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import type { RunDeps } from '../deps.ts';
import { deadlineExceeded } from '../failures.ts';
import { addValues, createScope } from '../tries/load-scope.ts';
import type { LoadedScope } from '../tries/load-scope.ts';
import { outputTooLargeMessage, packOutput } from '../outputs.ts';
import type { PackedOutput } from '../outputs.ts';
import { failureOfSkill, toldOf } from '../skill-failure.ts';
import { prepareCall } from '../tries/prepare-call.ts';
import { standingEnd } from '../tries/try-outcomes.ts';

/** A step that a chain has computed and has yet to record. */
export interface ComputedStep {
  step: StepRowWithSpec;
  status: 'succeeded' | 'failed' | 'skipped';
  output?: PackedOutput;
  failure?: Failure;
  startedAt: Date;
}

export interface ComputedChain {
  computed: ComputedStep[];
  /** Steps of which an outcome already stood. */
  standing: InlineReply['outcomes'];
  deferred: string[];
}

/** Computes the ready inline steps, and those that become ready through them alone, without writing anything. */
export async function computeChain(
  deps: RunDeps,
  run: RunState,
  steps: readonly StepRowWithSpec[],
  input: Json,
  request: ExecuteInline,
): Promise<ComputedChain> {
  const chain: ComputedChain = { computed: [], standing: [], deferred: [] };
  const statuses = new Map<string, StepStatus>(request.done.map((id) => [id, 'succeeded']));
  const reachable = new Set(request.ready);
  const scope = createScope(
    input,
    stepsOfPlan(steps).map((step) => step.id),
  );
  const inline = steps.filter((step) => step.inline);
  const startedMs = performance.now();
  let bytes = 0;

  const isOver = () => run.deadline_at.getTime() <= Date.now();
  const isRoom = () =>
    performance.now() - startedMs < INLINE_CHAIN_MS_MAX &&
    chain.computed.length + chain.standing.length < INLINE_CHAIN_STEPS_MAX &&
    bytes < INLINE_CHAIN_BYTES_MAX;
  const nextStep = () =>
    readySteps(inline, (id) => statuses.get(id) ?? 'pending').find(
      (step) => reachable.has(step.id) || step.depends_on.some((id) => reachable.has(id)),
    );

  for (let step = nextStep(); step && isRoom(); step = nextStep()) {
    reachable.add(step.id);
    const stands = standingEnd(step, 'main', undefined);
    if (stands?.next.kind === 'end') {
      const { status } = stands.next;
      chain.standing.push({ step_id: step.id, status, ...(stands.code && { code: stands.code }) });
      statuses.set(step.id, status);
      if (status === 'failed' || status === 'cancelled') break;
      continue;
    }
    const computed = isOver()
      ? failedStep(run, step, scope, deadlineExceeded(run), new Date())
      : await computeStep(deps, run, step, scope);
    if (computed === 'deferred') {
      chain.deferred.push(step.id);
      statuses.set(step.id, 'running');
      continue;
    }
    chain.computed.push(computed);
    statuses.set(step.id, computed.status);
    bytes += computed.output?.bytes ?? 0;
    if (computed.status === 'failed') break;
  }
  return chain;
}

async function computeStep(
  deps: RunDeps,
  run: RunState,
  step: StepRowWithSpec,
  scope: LoadedScope,
): Promise<ComputedStep | 'deferred'> {
  const startedAt = new Date();
  await loadMissing(deps, run.id, step, scope);
  const prepared = prepareCall(deps.skills, step.spec, 'main', scope);
  if (prepared.kind === 'skip') return { step, status: 'skipped', startedAt };
  if (prepared.kind === 'failure') return failedStep(run, step, scope, prepared.failure, startedAt);

  const effectKey = effectKeyOf({
    runId: run.id,
    stepId: step.id,
    generation: step.generation,
    role: 'main',
  });
  const result = await callQuickly(deps, step, prepared.skill, {
    params: prepared.params,
    tenantId: run.tenant_id,
    effectKey,
    signal: AbortSignal.timeout(INLINE_CHAIN_MS_MAX),
    timeoutMs: INLINE_CHAIN_MS_MAX,
  });
  if (result === 'deferred') return 'deferred';
  if (!result.ok) {
    const failure = failureOfSkill(step, result.failure);
    // A failure that may pass is left to the activity, which counts tries.
    if (failure.retryable && step.spec.policy.max_attempts > 1) return 'deferred';
    return failedStep(run, step, scope, failure, startedAt);
  }
  const output = packOutput(deps.cipher, run, step, result.output);
  if (!output)
    return failedStep(
      run,
      step,
      scope,
      createFailure('OUTPUT_TOO_LARGE', outputTooLargeMessage('')),
      startedAt,
    );
  scope.steps.set(step.id, { output: result.output });
  scope.answeredBy.set(step.id, step.skill);
  return { step, status: 'succeeded', output, startedAt };
}

/** What a skill throws is a fault of the skill, and an outcome all the same. */
async function callQuickly(
  { logger }: RunDeps,
  step: StepRowWithSpec,
  skill: Skill,
  call: SkillCall,
): Promise<SkillResult | 'deferred'> {
  if (!skill.callQuickly) return 'deferred';
  try {
    return await skill.callQuickly(call);
  } catch (error) {
    const facts = { effect_key: call.effectKey, skill: skill.contract.id };
    logger.error('skill.crashed', toldOf(step, error), facts);
    const message = `The skill \`${skill.contract.id}\` crashed; the log has the details.`;
    return {
      ok: false,
      failure: { code: 'SKILL_CRASHED', message },
      usage: { cost_micro_cents: 0 },
    };
  }
}

function failedStep(
  run: RunState,
  step: StepRowWithSpec,
  scope: LoadedScope,
  failure: Failure,
  startedAt: Date,
): ComputedStep {
  const outcome: TryOutcome = { status: 'failed', code: failure.code, retryable: false };
  const next = afterTry(
    step.spec.policy,
    'main',
    1,
    outcome,
    run.deadline_at.getTime() - Date.now(),
  );
  const status = next.kind === 'end' && next.status === 'skipped' ? 'skipped' : 'failed';
  scope.steps.set(step.id, { failure: failure as unknown as Json });
  return { step, status, failure, startedAt };
}

async function loadMissing(
  { pool, cipher }: RunDeps,
  runId: string,
  step: StepRowWithSpec,
  scope: LoadedScope,
): Promise<void> {
  const missing = stepsReadBy(step.spec, scope.stepIds).filter((id) => !scope.steps.has(id));
  if (missing.length > 0)
    addValues(scope, cipher, runId, await readStepValues(pool, runId, missing));
}
