import type { SkillResult } from '../contracts/skill.ts';
import type { Skill, SkillCall } from '../skills/skill.ts';
import type { Metrics } from './instruments.ts';

/** The same skill, whose calls are timed. */
export function measureSkill(skill: Skill, metrics: Metrics): Skill {
  const timed =
    <R extends SkillResult | 'deferred'>(work: (call: SkillCall) => Promise<R>) =>
    async (call: SkillCall): Promise<R> => {
      const startedMs = performance.now();
      const report = (result: 'succeeded' | 'failed' | 'deferred' | 'crashed'): void => {
        const seconds = (performance.now() - startedMs) / 1000;
        metrics.skillCalled({ skill: skill.contract.id, result, seconds });
      };
      try {
        const result = await work(call);
        report(result === 'deferred' ? result : result.ok ? 'succeeded' : 'failed');
        return result;
      } catch (error) {
        report('crashed');
        throw error;
      }
    };
  const callQuickly = skill.callQuickly?.bind(skill);
  return {
    ...skill,
    call: timed((call) => skill.call(call)),
    ...(callQuickly && { callQuickly: timed(callQuickly) }),
  };
}
