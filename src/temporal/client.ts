import { Client, Connection } from '@temporalio/client';

export interface TemporalAddress {
  address: string;
  namespace: string;
}

/** The client of an API or a reconciler. It connects when it is first used, so that it can start without Temporal. */
export function createTemporalClient({ address, namespace }: TemporalAddress): Client {
  const connection = Connection.lazy({ address, connectTimeout: '2s' });
  return new Client({ connection, namespace });
}
