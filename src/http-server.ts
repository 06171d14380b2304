import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

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
  // Also those that have left HTTP, of which the server itself knows nothing any more but that they are open.
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    // A connection that comes back from a wish for another protocol is told of again.
    if (open.has(socket)) return;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
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
      const timer = setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, drainMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
