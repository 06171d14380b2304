import pg from 'pg';

/** Not listening yet, starting up, shutting down, too many clients; what has no code is a connection that broke. */
const NOT_YET: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  '57P03',
  '57P01',
  '53300',
  undefined,
]);

/** Whether the server accepts work; the first time it makes the database `aos`. Rejects when waiting cannot help. */
export async function databaseAnswers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  // Without a listener, an error that no call waits for would end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'aos'`);
    if (rowCount === 0) await client.query('CREATE DATABASE aos');
    return true;
  } catch (error) {
    if (NOT_YET.has((error as { code?: string }).code)) return false;
    throw error;
  } finally {
    await client.end();
  }
}
