import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { Risk } from '../contracts/simulation.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { ReadStep } from './read-steps.ts';

type FailureMode = SkillContract['failure_modes'][number];

/** Probabilities as they are told. */
const rounded = (probability: number): number => Math.round(probability * 1e6) / 1e6;

/** What can go wrong with a call; a skill that lacks a part of the installation fails at every one. */
export function failureModesOf({ failure_modes: modes, lacks }: SkillContract): FailureMode[] {
  if (!lacks) return modes;
  const code = 'PROVIDER_NOT_CONFIGURED';
  const certain: FailureMode = { code, description: lacks.reason, probability: 1 };
  return [certain, ...modes.filter((mode) => mode.code !== code)];
}

/** What the contract expects to go wrong with a step. */
export const risksOf = (
  { index, id, iterations }: ReadStep,
  contract: SkillContract | undefined,
): Risk[] =>
  (contract ? failureModesOf(contract) : []).map(({ code, description, probability }) => ({
    step_index: index,
    step_id: id,
    risk_type: code,
    category: FAILURE_CODES[code].category,
    probability: rounded(Math.min(1, probability * iterations)),
    retryable: FAILURE_CODES[code].retryable,
    description,
  }));

/** That every call of every step succeeds at its first try. */
export function successProbability(
  steps: readonly { iterations: number; contract: SkillContract | undefined }[],
): number {
  const product = steps.reduce((all, { iterations, contract }) => {
    const modes = contract ? failureModesOf(contract) : [];
    const fails = Math.min(
      1,
      modes.reduce((sum, { probability }) => sum + probability, 0),
    );
    return all * (1 - fails) ** iterations;
  }, 1);
  return rounded(product);
}
