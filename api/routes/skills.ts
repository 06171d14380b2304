import type Router from '@koa/router';
import { AosError } from '../../src/contracts/failures.ts';
import { viewSkill } from '../../src/skills/view-skill.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosState } from '../state.ts';

export function addSkillRoutes(router: Router<AosState>, deps: ApiDeps): void {
  const views = [...deps.skills.values()].map((skill) => viewSkill(skill.contract));

  router.get('/api/v1/runtime/skills', (ctx) => {
    ctx.body = { count: views.length, skills: views };
  });

  router.get('/api/v1/runtime/skills/:id', (ctx) => {
    const id = ctx.params['id']!;
    const view = views.find((each) => each.id === id);
    if (!view) {
      const ids = views.map((each) => each.id).join(', ');
      throw new AosError(
        'SKILL_NOT_FOUND',
        `There is no skill ${id.slice(0, 100)}. There are: ${ids}.`,
      );
    }
    ctx.body = view;
  });
}
