import { AosError } from '../../contracts/failures.ts';
import type { Json } from '../../contracts/json.ts';
import type { SkillResult } from '../../contracts/skill.ts';
import type { SkillCall } from '../skill.ts';

const FREE = { cost_micro_cents: 0 };

/** Runs one call on the workspace within its time, and turns whatever happens into a result. */
export async function callWorkspace(
  skillId: string,
  call: SkillCall,
  work: (signal: AbortSignal) => Promise<Json>,
): Promise<SkillResult> {
  const stop = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as AosError));
  });
  const cancel = (): void =>
    stop.abort(new AosError('CANCELLED', `${skillId} was cancelled before it was done.`));
  const timer = setTimeout(() => {
    const message = `${skillId} did not finish within ${call.timeoutMs} ms. Raise timeout_ms of the step, or try again later.`;
    stop.abort(new AosError('TIMEOUT', message));
  }, call.timeoutMs);
  call.signal.addEventListener('abort', cancel, { once: true });
  try {
    const begun = call.signal.aborted ? stopped : work(stop.signal);
    if (call.signal.aborted) cancel();
    // A disk that hangs cannot be interrupted, only left behind: the work ends by the signal once it goes on.
    return { ok: true, output: await Promise.race([begun, stopped]), usage: FREE };
  } catch (error) {
    return { ok: false, failure: toSkillFailure(skillId, error), usage: FREE };
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', cancel);
  }
}

function toSkillFailure(skillId: string, error: unknown): (SkillResult & { ok: false })['failure'] {
  if (error instanceof AosError) return { code: error.failure.code, message: error.message };
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: 'SKILL_CRASHED',
    message: `${skillId} ended with an error of its own (${name}). Report the run id to the operator.`,
  };
}
