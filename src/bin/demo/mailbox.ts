import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface DemoMailbox {
  port: number;
  /** The headers of the mails that came. */
  mails: string[];
  stop(): Promise<void>;
}

/** A mail server that takes everything and keeps it in memory. */
export async function startDemoMailbox(): Promise<DemoMailbox> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const [headers = ''] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
        mails.push(headers);
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
