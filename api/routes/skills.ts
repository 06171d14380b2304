import { AosError } from '../../src/contracts/failures.ts';
import { nearest } from '../../src/domain/near-miss.ts';
import { didYouMean, quote } from '../../src/domain/plan/wording.ts';
import { contractsOf } from '../../src/skills/registry.ts';
import { viewSkill } from '../../src/skills/view-skill.ts';
import type { ApiDeps } from '../deps.ts';
import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import type { Handlers } from '../handlers.ts';

export function createSkillHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof RUNTIME_ROUTES, 'listSkills' | 'getSkill'>> {
  const views = [...contractsOf(deps.skills).values()].map(viewSkill);

  return {
    listSkills(ctx) {
      ctx.body = { count: views.length, skills: views };
    },

    getSkill(ctx) {
      const id = ctx.params['skill_id']!;
      const view = views.find((each) => each.id === id);
      if (!view) {
        const ids = views.map((each) => each.id);
        throw new AosError(
          'SKILL_NOT_FOUND',
          `There is no skill ${quote(id)}${didYouMean(nearest(id.slice(0, 100), ids)) || '.'} There are: ${ids.join(', ')}.`,
        );
      }
      ctx.body = view;
    },
  };
}
