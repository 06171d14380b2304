import { Pool } from 'undici';
import type { Json } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';

const CONNECTIONS_MAX = 128;

/** A client of AOS over HTTP, as a user would write it: connections are kept. */
export interface AosClient {
  /** Answers the run's id with the 202. */
  submit(plan: Json): Promise<string>;
  /** Waits by long polls for the run's end. Throws unless it has succeeded. */
  awaitEnd(runId: string): Promise<Run>;
  /** From submit to terminal read. */
  execute(plan: Json): Promise<Run>;
  close(): Promise<void>;
}

export function createAosClient(url: string, key: string): AosClient {
  const pool = new Pool(url, { connections: CONNECTIONS_MAX });
  const ask = async (method: 'GET' | 'POST', path: string, body?: string): Promise<Run> => {
    const response = await pool.request({
      method,
      path,
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300)
      throw new Error(`${method} ${path} answered ${response.statusCode}: ${text}`);
    return JSON.parse(text) as Run;
  };
  const client: AosClient = {
    async submit(plan) {
      const body = JSON.stringify({ plan, budget_cents: 1_000 });
      return (await ask('POST', '/api/v1/runs', body)).run_id;
    },
    async awaitEnd(runId) {
      for (;;) {
        const run = await ask('GET', `/api/v1/runs/${runId}?wait=30s`);
        if (run.status === 'succeeded') return run;
        if (run.status === 'failed' || run.status === 'cancelled')
          throw new Error(`run ${runId} has ${run.status}: ${JSON.stringify(run)}`);
      }
    },
    execute: async (plan) => client.awaitEnd(await client.submit(plan)),
    close: () => pool.close(),
  };
  return client;
}
