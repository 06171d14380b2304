import { agentRefusal } from '../agents/failures.ts';
import type { Budget } from '../contracts/budget.ts';
import type { Obstacle, RateStanding } from '../contracts/capabilities.ts';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { mayAct } from '../contracts/roles.ts';
import type { Role } from '../contracts/roles.ts';
import { ROUTES } from '../contracts/routes.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { limitNameOf } from '../domain/budget.ts';
import { agentRateExceeded, openRunsExceeded } from '../runs/failures.ts';
import { obstaclesOf } from '../skills/availability.ts';
import type { Standing } from './load-standing.ts';

/** Why no run would be taken now, whatever its plan, and what would change that. */
export function refusalsOf(role: Role, standing: Standing): Obstacle[] {
  const { agent, concurrency, rates } = standing;
  const obstacles: Obstacle[] = [];
  const { method, path, role: needed } = ROUTES.submitRun;
  if (needed !== 'public' && !mayAct(role, needed)) {
    const reason = `${method} ${path} takes a key of the role ${needed}; the role of this key is ${role}.`;
    obstacles.push(obstacleOf('FORBIDDEN', reason));
  }
  const refusal = agentRefusal(standing)?.failure;
  if (refusal) obstacles.push(obstacleOf(refusal.code, refusal.detail));
  const { limit, open } = concurrency;
  if (agent && limit !== null && open >= limit) {
    const { code, detail } = openRunsExceeded(agent.id, limit, open);
    obstacles.push(obstacleOf(code, detail));
  }
  if (agent) obstacles.push(...rates.flatMap((rate) => rateObstacle(agent.id, rate)));
  return obstacles;
}

/** The submissions of an agent's minute, used up. */
function rateObstacle(agentId: string, rate: RateStanding): Obstacle[] {
  const { level, remaining, limit_per_minute: perMinute, resets_in_ms: resetMs } = rate;
  if (level !== 'agent' || remaining > 0) return [];
  const { code, detail, retry_after_ms: waitMs } = agentRateExceeded(agentId, perMinute, resetMs);
  const fix = `Wait ${waitMs} ms, or have an admin raise the rate_limit_per_minute of the agent.`;
  return [{ code, reason: detail, fix, retry_after_ms: waitMs! }];
}

/** All that keeps this skill from being called now. */
export const obstaclesOfSkill = (
  contract: SkillContract,
  { agent, budgets }: Pick<Standing, 'agent' | 'budgets'>,
): Obstacle[] => [
  ...obstaclesOf(contract, {
    allowedSkills: agent?.allowed_skills ?? null,
    allowedHosts: agent?.allowed_hosts ?? null,
  }),
  ...(contract.cost.base_micro_cents > 0 ? budgets.flatMap(spentObstacle) : []),
];

/** A level with nothing left, which what costs cannot be paid from. */
function spentObstacle(budget: Budget): Obstacle[] {
  if (budget.remaining_cents > 0) return [];
  const { level, account_id: id, period, resets_at: resetsAt } = budget;
  const name = limitNameOf(level);
  const periodic = period === 'total' ? '' : `${period} `;
  const wait = resetsAt === null ? '' : `, or wait until ${resetsAt}, when its period ends`;
  // A key's budget is set once.
  const change =
    level === 'key' ? `make a key with a larger ${name}` : `raise the ${name} of the ${level}`;
  return [
    {
      code: 'BUDGET_EXCEEDED',
      reason:
        `Nothing is left of the ${periodic}budget of the ${level}: account ${id} has a limit of ` +
        `${budget.total_cents} cents (${name}), ${budget.spent_cents} spent and ${budget.reserved_cents} reserved.`,
      fix: `Have an admin ${change}${wait}.`,
    },
  ];
}

const obstacleOf = (code: keyof typeof FAILURE_CODES, reason: string): Obstacle => ({
  code,
  reason,
  fix: FAILURE_CODES[code].fix,
});
