import { randomUUID } from 'node:crypto';
import { createTemporalClient } from '../../src/temporal/client.ts';
import type * as workflows from './workflow.ts';

export type BareWorkflow = keyof typeof workflows;

export interface BareClient {
  /** From start to result, through Temporal's own client. */
  execute(workflow: BareWorkflow, ...args: unknown[]): Promise<unknown>;
  /** The server's version. */
  version(): Promise<string>;
  close(): Promise<void>;
}

export function createBareClient(
  address: string,
  namespace: string,
  taskQueue: string,
): BareClient {
  const client = createTemporalClient({ address, namespace });
  return {
    execute: (workflow, ...args) =>
      client.workflow.execute(workflow, {
        workflowId: `bare-${randomUUID()}`,
        taskQueue,
        args,
        workflowTaskTimeout: '5s',
      }),
    async version() {
      const info = await client.workflowService.getSystemInfo({});
      return info.serverVersion ?? 'unknown';
    },
    close: () => client.connection.close(),
  };
}
