import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AosError } from '../../../src/contracts/failures.ts';
import { escapeReferences } from '../../../src/domain/plan/reference-syntax.ts';
import { findReferences, resolveReferences } from '../../../src/domain/plan/references.ts';
import { createPlanGoal } from '../../../src/runs/planning/plan-goal.ts';
import { planOfGoal } from '../../../src/runs/planning/plan-of-goal.ts';
import { contractsOf, createRegistry } from '../../../src/skills/registry.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';

const scripted = (id: string) => createScriptedSkill({ id, call: () => succeed(null) });
const llm = scripted('llm_invoke');
const skills = createRegistry([
  scripted('http_call'),
  llm,
  createPlanGoal({ llm, contracts: () => contractsOf(skills) }),
]);
const all = { allowedSkills: null, allowedHosts: null, skills };

/** The code and message of what is thrown. */
function refusalOf(work: () => unknown): Partial<AosError['failure']> {
  try {
    work();
  } catch (error) {
    if (error instanceof AosError) return error.failure;
  }
  throw new Error('nothing was refused');
}

describe('the plan of a goal', () => {
  test('is one step, which makes the plan and knows what that may use', () => {
    const plan = planOfGoal('Do it.', {
      ...all,
      allowedSkills: ['http_call'],
      allowedHosts: ['*.example.org'],
      forceSkill: 'http_call',
      hasInput: true,
    });
    expect(plan.steps).toEqual([
      {
        id: 'plan',
        index: 0,
        skill: 'plan_goal',
        skill_version: '1.0.0',
        params: {
          goal: 'Do it.',
          allowed_skills: ['http_call'],
          allowed_hosts: ['*.example.org'],
          force_skill: 'http_call',
          input: '{{input}}',
        },
        depends_on: [],
        inline: false,
        policy: { max_attempts: 3, backoff_ms: 500, max_backoff_ms: 30_000, on_error: 'fail' },
      },
    ]);
  });

  test('takes braces in the goal for text', () => {
    const texts = fc.string({ unit: fc.constantFrom('{', '}', '\\', 'steps.a.output', 'x') });
    fc.assert(
      fc.property(texts, (goal) => {
        const escaped = escapeReferences(goal);
        expect(findReferences(escaped)).toEqual([]);
        const scope = { input: null, stepIds: [], steps: new Map() };
        expect(resolveReferences(escaped, scope, 1e6)).toEqual({ ok: true, value: goal });
      }),
    );
  });

  test('refuses a forced skill that there is not, or that the agent may not use', () => {
    const forced = (forceSkill: string, allowedSkills: string[] | null = null) =>
      refusalOf(() => planOfGoal('Do it.', { ...all, allowedSkills, forceSkill }));
    expect(forced('fly')).toMatchObject({
      code: 'SKILL_NOT_FOUND',
      status: 422,
      message: expect.stringContaining('The skills are `http_call`, `llm_invoke`.'),
    });
    expect(forced('plan_goal')).toMatchObject({ code: 'SKILL_NOT_FOUND' });
    expect(forced('http_call', ['llm_invoke'])).toMatchObject({
      code: 'SKILL_NOT_ALLOWED',
      message: expect.stringContaining('it may use `llm_invoke`'),
    });
  });
});
