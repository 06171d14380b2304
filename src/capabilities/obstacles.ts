import type { Budget } from '../contracts/budget.ts';
import type { Obstacle } from '../contracts/capabilities.ts';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { mayAct } from '../contracts/roles.ts';
import type { Role } from '../contracts/roles.ts';
import { ROUTES } from '../contracts/routes.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { limitNameOf } from '../domain/budget.ts';
import { openRunsExceeded } from '../runs/failures.ts';
import { refusalOf } from '../simulation/subject.ts';
import { obstaclesOf } from '../skills/availability.ts';
import type { Standing } from './load-standing.ts';

/** Why no run would be taken now, whatever its plan, and what would change that. */
export function refusalsOf(role: Role, standing: Standing): Obstacle[] {
  const { agent, concurrency } = standing;
  const obstacles: Obstacle[] = [];
  const { method, path, role: needed } = ROUTES.submitRun;
  if (needed !== 'public' && !mayAct(role, needed)) {
    const reason = `${method} ${path} takes a key of the role ${needed}; the role of this key is ${role}.`;
    obstacles.push(obstacleOf('FORBIDDEN', reason));
  }
  const reason = refusalOf(standing);
  if (reason !== undefined)
    obstacles.push(obstacleOf(agent ? 'AGENT_ARCHIVED' : 'AGENT_REQUIRED', reason));
  const { limit, open } = concurrency;
  if (agent && limit !== null && open >= limit) {
    const { code, detail } = openRunsExceeded(agent.id, limit, open);
    obstacles.push(obstacleOf(code, detail));
  }
  return obstacles;
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
