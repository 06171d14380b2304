import type { StepRole } from '../contracts/activities.ts';

export interface EffectAddress {
  runId: string;
  stepId: string;
  generation: number;
  role: StepRole;
}

/** Goes outside with the effect; the same over tries, worker crashes and executions. */
export const effectKeyOf = ({ runId, stepId, generation, role }: EffectAddress): string =>
  `${runId}/${stepId}/${generation}${role === 'main' ? '' : `/${role}`}`;

/** One outcome stands under a try key. */
export const tryKeyOf = (address: EffectAddress & { number: number }): string =>
  `${effectKeyOf(address)}/${address.number}`;

/** Makes a ledger entry exactly one, however often it is posted. */
export const entryKeyOf = (
  address: EffectAddress & { number: number },
  fence: string,
  kind: string,
): string => `${tryKeyOf(address)}/${fence}/${kind}`;
