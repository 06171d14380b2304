import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Json } from '../../../src/contracts/json.ts';
import type { SkillContract } from '../../../src/contracts/skill.ts';
import { checkMadePlan } from '../../../src/runs/planning/check-made-plan.ts';
import { jsonTransformContract } from '../../../src/skills/json-transform.ts';

const contract = (id: string, more: Partial<SkillContract> = {}): SkillContract => ({
  ...jsonTransformContract,
  id,
  params: z.object({ url: z.string() }),
  inline: false,
  ...more,
});
const contracts = new Map(
  [
    jsonTransformContract,
    contract('http_call'),
    contract('email_send', { lacks: { reason: 'No mail server is set.', fix: 'Set one.' } }),
  ].map((each) => [each.id, each]),
);

const all = { allowed_skills: null, allowed_hosts: null };
const codesOf = (plan: Json, wish: Parameters<typeof checkMadePlan>[2] = all) => {
  const checked = checkMadePlan(plan, contracts, wish);
  return checked.ok ? [] : checked.problems.map(({ pointer, code }) => `${pointer} ${code}`);
};

const jq = { skill: 'json_transform', params: { query: '1' } };
const get = (url: string) => ({ skill: 'http_call', params: { url } });

describe('a plan that was made', () => {
  test('passes in both forms when all that it uses may be used', () => {
    expect(codesOf({ steps: [jq, get('https://a.example.org/')] })).toEqual([]);
    expect(codesOf([jq, get('https://a.example.org/')])).toEqual([]);
  });

  test('may not use a skill that the agent may not, wherever it stands', () => {
    const plan = {
      steps: [jq, { ...jq, fallback: get('https://a/'), compensate: get('https://a/') }],
    };
    expect(codesOf(plan, { ...all, allowed_skills: ['json_transform'] })).toEqual([
      '/steps/1/fallback/skill SKILL_NOT_ALLOWED',
      '/steps/1/compensate/skill SKILL_NOT_ALLOWED',
    ]);
    expect(codesOf([get('https://a/')], { ...all, allowed_skills: [] })).toEqual([
      '/0/skill SKILL_NOT_ALLOWED',
    ]);
  });

  test('may not use another skill than the forced one', () => {
    expect(codesOf([jq, get('https://a/')], { ...all, force_skill: 'http_call' })).toEqual([
      '/0/skill SKILL_NOT_ALLOWED',
    ]);
  });

  test('may not use a skill that does not work here', () => {
    const checked = checkMadePlan([{ skill: 'email_send' }], contracts, all);
    expect(checked).toMatchObject({
      ok: false,
      problems: [
        {
          pointer: '/0/skill',
          message: '`email_send` is not available here: No mail server is set.',
        },
      ],
    });
  });

  test('may not reach a host that the agent may not', () => {
    const plan = { steps: [get('https://a.example.org/'), get('https://example.com/')] };
    expect(codesOf(plan, { ...all, allowed_hosts: ['*.example.org'] })).toEqual([
      '/steps/1/params/url HOST_NOT_ALLOWED',
    ]);
  });

  test('has no step with the id of the one that made it', () => {
    expect(codesOf([{ ...jq, id: 'plan' }])).toEqual(['/0/id DUPLICATE_STEP_ID']);
  });

  test('is told all that is wrong at once, and offered what it may use', () => {
    const plan = {
      steps: [{ skill: 'fly' }, { id: 'plan', ...get('https://a/') }, { skill: 'json_transform' }],
    };
    const checked = checkMadePlan(plan, contracts, { ...all, allowed_skills: ['json_transform'] });
    expect(codesOf(plan, { ...all, allowed_skills: ['json_transform'] }).toSorted()).toEqual([
      '/steps/0/skill SKILL_NOT_FOUND',
      '/steps/1/id DUPLICATE_STEP_ID',
      '/steps/1/skill SKILL_NOT_ALLOWED',
      '/steps/2/params/query PARAMS_INVALID',
    ]);
    expect(JSON.stringify(checked)).toContain('The skills are `json_transform`.');
  });

  test.each([{}, [], { steps: [] }, { steps: {} }, { steps: [1, null, 'a'] }, { plan: [] }])(
    'is none when it is %j',
    (raw) => {
      expect(codesOf(raw)).not.toEqual([]);
    },
  );
});
