import { createServer } from 'node:http';
import { DBOS } from '@dbos-inc/dbos-sdk';

/**
 * DBOS behind a small HTTP handler: POST /?steps=N runs N steps one after the other, each returning `{i}` and reading
 * what the one before returned, and answers the last value.
 */
const { BENCH_DATABASE_URL: systemDatabaseUrl, BENCH_CONNECTIONS: connections } = process.env;

const noopSequence = DBOS.registerWorkflow(
  async (/** @type {number} */ steps) => {
    let previous = null;
    for (let i = 0; i < steps; i += 1) {
      const before = previous;
      previous = await DBOS.runStep(async () => ({ i, isFirst: before === null }), {
        name: 'noop',
      });
    }
    return previous;
  },
  { name: 'noopSequence' },
);

DBOS.setConfig({
  name: 'bench-peer',
  systemDatabaseUrl,
  systemDatabasePoolSize: Number(connections),
  logLevel: 'error',
});
await DBOS.launch();

const server = createServer((request, response) => void answer(request, response));

async function answer(request, response) {
  request.resume();
  try {
    const steps = Number(new URL(request.url ?? '/', 'http://peer').searchParams.get('steps'));
    const handle = await DBOS.startWorkflow(noopSequence)(steps);
    const body = JSON.stringify(await handle.getResult());
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}
await new Promise((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(undefined));
});

const stop = async () => {
  server.closeAllConnections();
  await DBOS.shutdown();
  process.exit(0);
};
process.on('SIGTERM', () => void stop());
process.on('disconnect', () => void stop());
process.send?.({ ready: true, port: String(server.address().port) });
