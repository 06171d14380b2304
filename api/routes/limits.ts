import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { listLimits, ownLimits } from '../../src/capabilities/list-limits.ts';
import { createLoadStanding } from '../../src/capabilities/load-standing.ts';
import { LLM_CONCURRENCY_DEFAULT } from '../../src/contracts/limits.ts';
import { LimitsQuery } from '../../src/contracts/limits-view.ts';
import type { LimitsAnswer } from '../../src/contracts/limits-view.ts';
import type { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { askerOf } from '../requests/asker-of.ts';
import { parseQuery } from '../requests/run-query.ts';

/** Every limit, with the value that it has here. */
export function createLimitHandlers(
  deps: ApiDeps,
): Handlers<Pick<typeof RUNTIME_ROUTES, 'listLimits'>> {
  const loadStanding = createLoadStanding(deps);
  const calls = deps.skills.get('llm_invoke')?.contract.limits['calls_at_once_per_provider'];
  const groups = listLimits({
    AOS_RATE_LIMIT_PER_MINUTE: deps.ratePerMinute,
    AOS_LLM_CONCURRENCY: calls ?? LLM_CONCURRENCY_DEFAULT,
  });
  const count = groups.reduce((sum, { limits }) => sum + limits.length, 0);
  return {
    async listLimits(ctx) {
      const { agent_id: asked } = parseQuery(LimitsQuery, ctx.query);
      const asker = askerOf(ctx, agentAskedFor(ctx.state.key, asked));
      const standing = await loadStanding(asker);
      const yours = ownLimits(asker, standing);
      const body: LimitsAnswer = { groups, count, yours, warnings: standing.warnings };
      ctx.body = body;
    },
  };
}
