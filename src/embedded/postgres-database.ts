import pg from 'pg';
import { isOutage } from '../storage/pool.ts';

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
    if (isOutage(error)) return false;
    throw error;
  } finally {
    await client.end();
  }
}
