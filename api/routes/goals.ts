import { PostGoal } from '../../src/contracts/agent.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { GOAL_ROUTES } from '../../src/contracts/routes/goals.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { viewRun } from '../../src/runs/view-run.ts';
import { parseTraceparent } from '../../src/skills/http/traceparent.ts';
import type { RunRow } from '../../src/storage/runs.ts';
import { listSteps } from '../../src/storage/steps.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { agentOf } from '../requests/agent-of.ts';
import { answerAccepted } from '../requests/answer-accepted.ts';
import { idempotencyKeyOf } from '../requests/idempotency-key.ts';
import { parseBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

export const createGoalHandlers = (deps: ApiDeps): Handlers<typeof GOAL_ROUTES> => ({
  async postGoal(ctx) {
    const agent = await agentOf(ctx, deps);
    const body = await readJson(ctx.req);
    const { value, warnings } = parseBody(PostGoal, body, {
      asIs: ['plan', 'input'],
      checkedLater: ['plan'],
    });
    const { force_skill: forceSkill, ...request } = value;
    const key = idempotencyKeyOf(ctx, value.idempotency_key);
    const { run, steps, replayed, differs } = await submitRun(deps, {
      key: ctx.state.key,
      requestId: ctx.state.requestId,
      request: { ...request, agent_id: agent.id },
      forceSkill,
      body: { ...(body as JsonObject), agent_id: agent.id },
      // Every agent has keys of its own.
      idempotencyKey: key && `${agent.id}/${key}`,
      // Clients of the earlier AOS send it in the body, and expect the run that it stands for.
      anyBody: ctx.get('Idempotency-Key') === '',
      traceparent: parseTraceparent(ctx.get('traceparent')),
      warnings,
    });
    answerAccepted(ctx, run.id, replayed);
    // However far it has come: clients of the earlier AOS take any other word for a refusal.
    const queued = { ...run, status: 'queued' as const };
    const view = viewRun(queued, steps ?? (await listSteps(deps.pool, run.id)), null);
    ctx.body = differs ? { ...view, warnings: [...view.warnings, notRun(run, value.goal)] } : view;
  },
});

/** Says that what a repeat under a used key asks for is not what the run does. */
function notRun({ id, goal }: RunRow, asked: string): Problem {
  const [pointer, what] = goal === asked ? ['', 'body'] : ['/goal', 'goal'];
  return {
    pointer: pointer!,
    code: 'IDEMPOTENCY_KEY_REUSED',
    message: `the idempotency key belongs to ${id}, which was asked for with another ${what}; this one was not run. Use a new key for it.`,
  };
}
