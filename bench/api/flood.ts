import { randomBytes } from 'node:crypto';
import autocannon from 'autocannon';

/** Requests that are sent while others are measured. */
export interface Flood {
  url: string;
  perSecond: number;
}

const CONNECTIONS = 20;
const SECONDS_MAX = 3600;

/** Sends requests with keys that nobody has, never the same twice. `stop` rejects if any was answered otherwise than 401. */
export function startFlood({ url, perSecond }: Flood): { stop(): Promise<void> } {
  const statuses = new Map<number, number>();
  let shots: autocannon.Instance | undefined;
  const ended = new Promise<autocannon.Result>((resolve, reject) => {
    const withBadKey = (request: autocannon.Request): autocannon.Request => ({
      ...request,
      headers: { 'X-API-Key': `aos_${randomBytes(32).toString('base64url')}` },
    });
    const options = {
      url,
      connections: CONNECTIONS,
      overallRate: perSecond,
      duration: SECONDS_MAX,
      requests: [{ setupRequest: withBadKey }],
    };
    shots = autocannon(options, (error: Error | null, result) =>
      error ? reject(error) : resolve(result),
    );
    shots.on('response', (_client, status) =>
      statuses.set(status, (statuses.get(status) ?? 0) + 1),
    );
  });
  return {
    async stop() {
      shots?.stop();
      await ended;
      if (statuses.size === 1 && statuses.has(401)) return;
      const seen = [...statuses].map(([status, count]) => `${count} times ${status}`).join(', ');
      throw new Error(`Requests with bad keys are to be answered 401, and were ${seen || 'not'}.`);
    },
  };
}
