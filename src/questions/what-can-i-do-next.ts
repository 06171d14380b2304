import { z } from 'zod';
import { loadBudgets } from '../account/load-budgets.ts';
import type { WhatNext } from '../contracts/run-questions.ts';
import { tightestOf } from '../domain/budget.ts';
import { findNewestFailedRun } from '../storage/attempts.ts';
import { hasOpenRuns } from '../storage/open-runs.ts';
import { findSubmission } from '../storage/submissions.ts';
import { readTenant } from '../storage/tenants.ts';
import { contractsOfAgent } from './agent-skills.ts';
import { mayBeDone } from './next/allowed.ts';
import { actionsWithoutRun } from './next/without-run.ts';
import { actionsOfRun } from './next/of-run.ts';
import type { Question } from './question.ts';

const NoParams = z.object({});

/** Requests that this key may send next, as they are: about the run, or about the agent or the tenant. */
export const whatCanIDoNext: Question<typeof NoParams> = {
  params: NoParams,
  async answer({ pool, skills }, { key, agent, agentId, run, runs, at, warnings }) {
    const lists = async () => {
      if (run) {
        return actionsOfRun(run, await findSubmission(pool, key.tenant_id, run.id), agent);
      }
      // A run that was named and is not there: there is nothing to do about it.
      if (!runs) return [];
      const [tenant, isOpen, failed, budgets] = await Promise.all([
        readTenant(pool, key.tenant_id),
        hasOpenRuns(pool, key.tenant_id, runs),
        findNewestFailedRun(pool, key.tenant_id, runs),
        loadBudgets(pool, key, agent, at),
      ]);
      return actionsWithoutRun({
        agentId,
        agent,
        needsAgent: tenant.agents_required && agent === undefined,
        hasOpenRuns: isOpen,
        failedRunId: failed?.id,
        tightest: tightestOf(budgets),
        skillIds: contractsOfAgent(skills, agent).map(({ id }) => id),
      });
    };
    const result: z.infer<typeof WhatNext> = {
      run_id: run?.id ?? null,
      status: run?.status ?? null,
      actions: (await lists())
        .filter((each) => mayBeDone(each, key.role))
        .map(({ action }) => action),
      warnings,
    };
    return result;
  },
};
