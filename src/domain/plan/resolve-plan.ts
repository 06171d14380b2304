import {
  COMPENSATION_DEADLINE_DEFAULT_MS,
  MAX_PARALLEL_DEFAULT,
  RUN_DEADLINE_DEFAULT_MS,
} from '../../contracts/limits.ts';
import type { ResolvedPlan, ResolvedStep } from '../../contracts/plan.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { checkGraph } from './check-graph.ts';
import type { DraftPlan } from './draft.ts';
import type { Findings } from './known-keys.ts';
import type { PlanContext } from './plan-context.ts';
import { resolveStep } from './resolve-step.ts';
import { sensitiveByReading } from './sensitivity.ts';
import { quote } from './wording.ts';

/** Marks the steps that are sensitive by what they read, and tells of each. */
function withSensitive(
  steps: ResolvedStep[],
  ids: readonly string[],
  draft: DraftPlan,
  { warnings }: Findings,
): ResolvedStep[] {
  const from = sensitiveByReading(steps, ids);
  if (from.size === 0) return steps;
  return steps.map((step) => {
    const source = from.get(step.id);
    if (source === undefined) return step;
    const { pointer, fields } = draft.steps[step.index]!;
    const isDenied = fields.sensitive === false;
    warnings.add(
      isDenied ? `${pointer}/sensitive` : pointer,
      'SENSITIVE_BY_READING',
      () =>
        `step ${quote(step.id)} reads the output of ${quote(source)}, which is sensitive, so its own output is sensitive too` +
        (isDenied ? ', although it says `false`.' : '.'),
    );
    return { ...step, sensitive: true };
  });
}

/** Checks what a plan means once its shape is known; the result is a plan to run only if no problem was found. */
export function resolvePlan(
  draft: DraftPlan,
  contracts: ReadonlyMap<string, SkillContract>,
  findings: Findings,
): ResolvedPlan {
  if (draft.fields.on_budget === 'wait') {
    findings.problems.add(
      `${draft.pointer}/on_budget`,
      'NOT_AVAILABLE_YET',
      () => '`on_budget: "wait"` is not available in this version.',
    );
  }
  const { ids, indexOf, dependencies, ancestors, uncertain } = checkGraph(draft.steps, findings);
  const context: PlanContext = { ...findings, contracts, ids, indexOf, ancestors };
  const steps: ResolvedStep[] = [];
  for (const [index, step] of draft.steps.entries()) {
    const place = { index, dependencies: dependencies[index]!, isUncertain: uncertain.has(index) };
    const resolved = resolveStep(context, place, step);
    if (resolved) steps.push(resolved);
  }
  return {
    steps: withSensitive(steps, ids, draft, findings),
    deadline_ms: draft.fields.deadline_ms ?? RUN_DEADLINE_DEFAULT_MS,
    compensation_deadline_ms:
      draft.fields.compensation_deadline_ms ?? COMPENSATION_DEADLINE_DEFAULT_MS,
    max_parallel: draft.fields.max_parallel ?? MAX_PARALLEL_DEFAULT,
  };
}
