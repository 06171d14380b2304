import type { AgentRun, ToolCall } from '../contracts/compat.ts';
import type { Json } from '../contracts/json.ts';
import { OUTPUT_PREVIEW_CHARS } from '../contracts/limits.ts';
import { listTriedSteps, readPlan } from '../storage/agent-runs.ts';
import type { TriedStep } from '../storage/agent-runs.ts';
import type { Db } from '../storage/pool.ts';
import type { WholeRun } from '../storage/whole-runs.ts';
import { callOf } from './tries/step-calls.ts';
import { viewStep, viewWholeRun } from './view-run.ts';

/** The run object with the plan and what was done, for clients of its agent. */
export async function loadAgentRun(db: Db, row: WholeRun): Promise<AgentRun> {
  const run = viewWholeRun(row);
  const tried = await listTriedSteps(db, row.id, OUTPUT_PREVIEW_CHARS);
  return {
    ...run,
    agent_id: row.agent_id ?? '',
    goal: row.goal ?? '',
    attempts: tried.reduce((sum, step) => sum + step.tries, 0),
    plan: JSON.parse(await readPlan(db, row.tenant_id, row.id)) as Json,
    tool_calls: tried.map(viewToolCall),
  };
}

function viewToolCall(row: TriedStep): ToolCall {
  const { id, depends_on: _, compensation: __, ...step } = viewStep(row);
  const { skill, params } = callOf(row.spec, row.role);
  return {
    ...step,
    step_id: id,
    skill,
    role: row.role === 'fallback' ? 'fallback' : 'main',
    ok: row.status === 'succeeded' || row.status === 'compensated',
    params,
    result_preview: row.output_start,
  };
}
