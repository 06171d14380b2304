import { unknownAgent } from '../agents/failures.ts';
import type { AskedAgent } from '../agents/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import { BUDGET_CENTS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents, microCentsFromCents } from '../contracts/money.ts';
import type { PermissionGap } from '../contracts/simulation.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ReadStep } from './read-steps.ts';

/** What is odd about the subject and the installation. */
export function warningsOf(
  { agentId, agent }: Pick<AskedAgent, 'agentId' | 'agent'>,
  lacking: readonly PermissionGap[],
  contracts: ReadonlyMap<string, SkillContract>,
): Problem[] {
  const unknown = agentId === null || agent ? [] : [unknownAgent('/agent_id', agentId)];
  // One for each part that is missing, at the first step that needs it.
  const first = new Map(lacking.toReversed().map((gap) => [gap.message, gap]));
  const missing = lacking
    .filter((gap) => first.get(gap.message) === gap)
    .map(({ pointer, code, message, fix }): Problem => {
      const priced = [...contracts.values()].find(({ lacks }) => lacks?.reason === message);
      const cents = centsFromMicroCents(priced?.cost.base_micro_cents ?? 0);
      const price = cents > 0 ? ` Each call is counted as the ${cents} cents of its contract.` : '';
      return { pointer, code, message: `${message} A run fails at this step. ${fix}${price}` };
    });
  return [...unknown, ...missing];
}

/** Whether one call may cost more than its step may: by the plan's own word, or by the agent's. */
export function overCapOf(
  { index, pointer, step }: ReadStep,
  callMicroCents: number,
  agent: AgentRow | undefined,
): { index: number; message: string }[] {
  const own = step['max_cost_cents'];
  const isCap = typeof own === 'number' && own >= 0 && own <= BUDGET_CENTS_MAX;
  const ownMicroCents = isCap ? microCentsFromCents(own) : Infinity;
  const agentMicroCents = agent?.max_step_cost_micro_cents ?? Infinity;
  const cap = Math.min(ownMicroCents, agentMicroCents);
  if (callMicroCents <= cap) return [];
  const name =
    ownMicroCents <= agentMicroCents ? 'its max_cost_cents' : "the agent's max_step_cost_cents";
  const message = `${pointer}: a call costs ${centsFromMicroCents(callMicroCents)} cents, more than ${name} of ${centsFromMicroCents(cap)}.`;
  return [{ index, message }];
}
