import { z } from 'zod';
import { runProgram } from './run-program.ts';

const ANSWER_MS_MAX = 10_000;
const RETENTION_HOURS = 168;

const Namespace = z.object({ config: z.object({ workflowExecutionRetentionTtl: z.string() }) });

/** Whether the namespace can be used. The first time it sets how long closed workflows are kept, which the dev server has no flag for. */
export async function namespaceAnswers(
  program: string,
  address: string,
  namespace: string,
): Promise<boolean> {
  const operate = (verb: string, ...more: string[]) => {
    const args = ['operator', 'namespace', verb, '--namespace', namespace, '--address', address];
    return runProgram(program, [...args, ...more], { timeoutMs: ANSWER_MS_MAX, env: {} });
  };
  const described = await operate('describe', '--output', 'json');
  if (!described.ok) return false;
  const { config } = Namespace.parse(JSON.parse(described.output));
  if (config.workflowExecutionRetentionTtl === `${RETENTION_HOURS * 3600}s`) return true;
  return (await operate('update', '--retention', `${RETENTION_HOURS}h`)).ok;
}
