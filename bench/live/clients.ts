import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command, Delays, Form, Told } from './protocol.ts';

/** Clients of streams, in a process of their own. */
export interface StreamClients {
  open(form: Form, paths: string[]): Promise<void>;
  /** Waits for so many events, counted over all streams since the last call. */
  receive(count: number): Promise<Delays>;
  closeAll(): Promise<void>;
  stop(): Promise<void>;
}

export function startStreamClients(baseUrl: string, key: string): StreamClients {
  const child = fork(fileURLToPath(new URL('./listeners.js', import.meta.url)));
  const ask = async (command: Command): Promise<Told> => {
    const answer = once(child, 'message') as Promise<[Told]>;
    child.send(command);
    const [told] = await answer;
    if (told.kind === 'failed') throw new Error(told.reason);
    return told;
  };
  return {
    async open(form, paths) {
      await ask({ kind: 'open', form, baseUrl, paths, key });
    },
    async receive(count) {
      const told = await ask({ kind: 'receive', count });
      if (told.kind !== 'delays') throw new Error('The clients have told no delays.');
      return told.delays;
    },
    async closeAll() {
      await ask({ kind: 'close' });
    },
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
