import type { Capabilities, MeasuredSkill, SkillCapability } from '../contracts/capabilities.ts';
import { OBSERVED_RUNS_MAX } from '../contracts/limits.ts';
import { mayAct } from '../contracts/roles.ts';
import type { Role } from '../contracts/roles.ts';
import { OPERATION_IDS, ROUTES } from '../contracts/routes.ts';
import { tightestOf } from '../domain/budget.ts';
import type { Asker, Standing } from './load-standing.ts';
import type { MeasuredContract } from './measured-skills.ts';
import { obstaclesOfSkill, refusalsOf } from './obstacles.ts';

/**
 * What can be done with a key, for an agent, now, as the bytes of its JSON: most of it is the same for all that ask, and
 * to write that anew for each of them would take longer than all the rest.
 */
export function writeCapabilities(
  { key, at }: Asker,
  standing: Standing,
  contracts: readonly MeasuredContract[],
): Buffer {
  const { agentId, budgets, rates } = standing;
  const refusals = refusalsOf(key.role, standing);
  const rateRemaining = Math.min(...rates.map(({ remaining }) => remaining));
  const skills = contracts.map(({ contract, measuredJson }) => {
    const obstacles = [...refusals, ...obstaclesOfSkill(contract, standing)];
    const available = obstacles.length === 0;
    const now = { available, ...obstacles[0], obstacles, rate_limit_remaining: rateRemaining };
    return { id: contract.id, available, now: writeNow(now), measuredJson };
  });
  const idsWhere = (available: boolean): string[] =>
    skills.filter((skill) => skill.available === available).map(({ id }) => id);
  const budget = tightestOf(budgets);
  const rest: Omit<Capabilities, 'skills'> = {
    agent_id: agentId,
    skills_available: idsWhere(true),
    skills_unavailable: idsWhere(false),
    budget,
    budget_remaining_cents: budget.remaining_cents,
    budgets,
    rate_limits: rates,
    concurrency: standing.concurrency,
    role: key.role,
    permissions: PERMISSIONS[key.role],
    refusal: refusals[0] ?? null,
    observed_runs_max: OBSERVED_RUNS_MAX,
    warnings: standing.warnings,
    timestamp: at.toISOString(),
  };
  const bySkill = skills.flatMap(({ id, now, measuredJson }, index) => [
    Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(id)}:${openEnded(now)}`),
    measuredJson.subarray(1),
  ]);
  const start = Buffer.from(`${openEnded(JSON.stringify(rest))}"skills":{`);
  return Buffer.concat([start, ...bySkill, Buffer.from('}}')]);
}

/** What of a skill depends on who asks. */
const writeNow = (now: Omit<SkillCapability, keyof MeasuredSkill>): string => JSON.stringify(now);

/** An object that is written already and not empty, up to where the next one's keys go on. */
const openEnded = (json: string): string => `${json.slice(0, -1)},`;

const permissionsOf = (role: Role): string[] =>
  OPERATION_IDS.filter((id) => {
    const { role: needed } = ROUTES[id];
    return needed === 'public' || mayAct(role, needed);
  });

const PERMISSIONS: Readonly<Record<Role, string[]>> = {
  viewer: permissionsOf('viewer'),
  operator: permissionsOf('operator'),
  admin: permissionsOf('admin'),
};
