import { describe, expect, test } from '@jest/globals';
import type { SkillResult } from '../../src/contracts/skill.ts';
import type { Skill } from '../../src/skills/skill.ts';
import { createMetrics } from '../../src/telemetry/instruments.ts';
import { measureSkill } from '../../src/telemetry/measured-skill.ts';
import { callSkill } from '../support/call-skill.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import { createScriptedSkill, fail, succeed } from '../support/scripted-skill.ts';

describe('a measured skill', () => {
  const measure = (skill: Skill) => {
    const metrics = createMetrics({ service: 'worker', isSkill: () => true });
    const calls = async (result: string): Promise<number> => {
      const labels = { skill: skill.contract.id, result };
      const families = parseExposition(await metrics.register.metrics());
      return valueOf(families, 'aos_skill_call_seconds_count', labels);
    };
    return { skill: measureSkill(skill, metrics), calls };
  };
  const scripted = (call: () => SkillResult) => createScriptedSkill({ id: 'scripted', call });

  test('does and says the same, and counts how it ended', async () => {
    const results = [succeed('done'), fail('HTTP_5XX'), succeed('again')];
    const { skill, calls } = measure(scripted(() => results.shift()!));
    expect(await callSkill(skill, {})).toEqual(succeed('done'));
    expect(await callSkill(skill, {})).toEqual(fail('HTTP_5XX'));
    expect(await callSkill(skill, {})).toEqual(succeed('again'));
    expect([await calls('succeeded'), await calls('failed')]).toEqual([2, 1]);
  });

  test('that throws is counted as crashed, and still throws', async () => {
    const { skill, calls } = measure(
      scripted(() => {
        throw new Error('a fault');
      }),
    );
    await expect(callSkill(skill, {})).rejects.toThrow('a fault');
    expect(await calls('crashed')).toBe(1);
  });

  test('has a quick call only if the skill has one, and counts one that was put off', async () => {
    const plain = scripted(() => succeed('slow'));
    expect('callQuickly' in measure(plain).skill).toBe(false);
    const { skill, calls } = measure({ ...plain, callQuickly: () => Promise.resolve('deferred') });
    const { signal } = new AbortController();
    const call = { params: {}, tenantId: 't', effectKey: 'e', signal, timeoutMs: 1 };
    expect(await skill.callQuickly!(call)).toBe('deferred');
    expect([await calls('deferred'), await calls('succeeded')]).toEqual([1, 0]);
  });
});
