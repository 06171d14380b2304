import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  url: string;
  /** Takes no new request, lets the running ones end for a while, and resolves when they have. */
  stop(): Promise<void>;
}

export interface Listen {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** How long running requests may take to end; then their connections are cut. */
  drainMs: number;
}

/** Opens an HTTP server at an address. Rejects with the system's error when the address cannot be had. */
export async function listen(server: Server, { host, port, drainMs }: Listen): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
