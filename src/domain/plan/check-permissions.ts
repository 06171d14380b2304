import type { Problem } from '../../contracts/failures.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import { hostRefusal } from '../allowed-hosts.ts';
import { quote, quoteSome } from './wording.ts';

/** What an agent may do: null allows all. */
export interface Policy {
  allowedSkills: readonly string[] | null;
  allowedHosts: readonly string[] | null;
}

/** Something that the policy does not allow, and what it was. */
export interface Refusal extends Problem {
  code: 'SKILL_NOT_ALLOWED' | 'HOST_NOT_ALLOWED';
  asked: string;
}

/** Skills whose `url` says where a call goes. */
export const REACHING_SKILLS: ReadonlySet<string> = new Set(['http_call', 'webhook_send']);

/** A step as far as it says what it calls. */
export type CallingStep = Pick<
  ResolvedStep,
  'index' | 'skill' | 'params' | 'fallback' | 'compensate'
>;

interface Call {
  pointer: string;
  skill: string;
  params: ResolvedStep['params'];
}

/** Every call of the plan that the policy does not allow; a host that a reference fills in is checked when it is called. */
export function checkPermissions(
  { steps }: { steps: readonly CallingStep[] },
  { allowedSkills, allowedHosts }: Policy,
  pointer: string,
): Refusal[] {
  const refusals: Refusal[] = [];
  for (const call of steps.flatMap((step) => callsOf(step, pointer))) {
    if (allowedSkills !== null && !allowedSkills.includes(call.skill)) {
      refusals.push({
        pointer: `${call.pointer}/skill`,
        code: 'SKILL_NOT_ALLOWED',
        asked: call.skill,
        message: `The agent may not use ${quote(call.skill)}. Its allowed_skills are ${quoteSome(allowedSkills, 30) || 'none'}.`,
      });
    }
    const url = hostOf(call);
    const message = url && allowedHosts && hostRefusal(url, allowedHosts);
    if (message) {
      refusals.push({
        pointer: `${call.pointer}/params/url`,
        code: 'HOST_NOT_ALLOWED',
        asked: url.host,
        message,
      });
    }
  }
  return refusals;
}

/** The calls of a step, and where each stands. */
export const callsOf = (step: CallingStep, pointer: string): Call[] => [
  { ...step, pointer: `${pointer}/${step.index}` },
  ...(step.fallback ? [{ ...step.fallback, pointer: `${pointer}/${step.index}/fallback` }] : []),
  ...(step.compensate
    ? [{ ...step.compensate, pointer: `${pointer}/${step.index}/compensate` }]
    : []),
];

/** A literal scheme and host, whatever comes behind them. */
const LITERAL_HOST = /^https?:\/\/[^\s/?#\\@{}]+(?=[/?#]|$)/i;

/** Where a call goes, as far as no reference stands in its host. */
export function hostOf({ skill, params }: Call): URL | undefined {
  const { url } = params;
  if (!REACHING_SKILLS.has(skill) || typeof url !== 'string') return undefined;
  const known = url.includes('{{') ? LITERAL_HOST.exec(url)?.[0] : url;
  return known !== undefined && URL.canParse(known) ? new URL(known) : undefined;
}

export const problemOf = ({ pointer, code, message }: Refusal): Problem => ({
  pointer,
  code,
  message,
});
