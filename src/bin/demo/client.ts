import type { RunLedger } from '../../contracts/ledger.ts';
import type { Run } from '../../contracts/run.ts';

export interface DemoClient {
  /** Throws for any answer from 400 on. */
  ask<T>(path: string, init?: RequestInit): Promise<T>;
  /** Submits a plan and prints each of its steps as it changes, until the run has ended. */
  run(plan: unknown, extra: object): Promise<{ run: Run; ledger: RunLedger }>;
}

const FOLLOW_MS_MAX = 120_000;

export function createDemoClient(apiUrl: string, key: string): DemoClient {
  async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(apiUrl + path, {
      ...init,
      headers: {
        'X-API-Key': key,
        'Content-Type': 'application/json',
        ...(init.headers as Record<string, string>),
      },
    });
    const body = (await response.json()) as T;
    if (!response.ok && response.status !== 304)
      throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** By long polls that answer when the run has changed. */
  async function follow(runId: string): Promise<Run> {
    const shown = new Map<string, string>();
    const deadline = Date.now() + FOLLOW_MS_MAX;
    let run = await ask<Run>(`/api/v1/runs/${runId}`);
    for (;;) {
      for (const step of run.steps ?? []) {
        const now = `${step.status}${step.tries > 1 ? `, try ${step.tries}` : ''}`;
        if (step.status !== 'pending' && shown.get(step.id) !== now)
          console.log(`  ${step.id}: ${now}`);
        shown.set(step.id, now);
      }
      if (run.status !== 'queued' && run.status !== 'running') return run;
      if (Date.now() > deadline)
        throw new Error(`the run is still ${run.status} after ${FOLLOW_MS_MAX} ms`);
      run = await ask<Run>(`/api/v1/runs/${runId}?wait=10s`, {
        headers: { 'If-None-Match': `"${run.event_number}"` },
      });
    }
  }

  return {
    ask,
    async run(plan, extra) {
      const body = JSON.stringify({ plan, ...extra });
      const submitted = await ask<Run>('/api/v1/runs', { method: 'POST', body });
      const run = await follow(submitted.run_id);
      return { run, ledger: await ask<RunLedger>(`/api/v1/runs/${run.run_id}/ledger`) };
    },
  };
}
