import type { RunLedger } from '../../contracts/ledger.ts';
import type { Run } from '../../contracts/run.ts';

export interface DemoClient {
  /** Throws for any answer from 400 on. */
  ask<T>(path: string, init?: RequestInit): Promise<T>;
  /** Submits a plan and prints each of its events as it happens, until the run has ended. */
  run(plan: unknown, extra: object): Promise<{ run: Run; ledger: RunLedger }>;
}

const FOLLOW_MS_MAX = 120_000;
const DATA = 'data: ';

/** As far as the demo reads it; what ends a stream has no type. */
interface ToldEvent {
  number?: number;
  type?: string;
  step_id?: string | null;
  data?: { role?: string; try?: number; failure?: { code: string } };
}

function printEvent({ number, type, step_id, data }: ToldEvent): void {
  if (type === undefined) return;
  const role = data?.role === undefined || data.role === 'main' ? '' : `, ${data.role}`;
  const tries = data?.try === undefined || data.try === 1 ? '' : `, try ${data.try}`;
  const why = data?.failure ? `: ${data.failure.code}` : '';
  console.log(`  ${number} ${type}${step_id ? ` ${step_id}` : ''}${role}${tries}${why}`);
}

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
    if (!response.ok)
      throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Prints the events of the run as the api streams them, until the run has ended. */
  async function follow(runId: string): Promise<Run> {
    const response = await fetch(`${apiUrl}/api/v1/runs/${runId}/events`, {
      headers: { 'X-API-Key': key, Accept: 'text/event-stream' },
      signal: AbortSignal.timeout(FOLLOW_MS_MAX),
    });
    if (!response.ok) throw new Error(`the events of ${runId} answered ${response.status}`);
    let rest = '';
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines)
        if (line.startsWith(DATA)) printEvent(JSON.parse(line.slice(DATA.length)) as ToldEvent);
    }
    return ask<Run>(`/api/v1/runs/${runId}`);
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
