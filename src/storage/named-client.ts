import { createHash } from 'node:crypto';
import pg from 'pg';

/** Statements are a closed list; should a text ever be built, it runs unnamed rather than fill the server's memory. */
const NAMES_MAX = 500;

type AnyQuery = (...args: unknown[]) => unknown;

/**
 * A client that names its statements by their text, so that Postgres parses and plans each once a connection. Not for a
 * pooler in transaction mode that knows no named statements.
 */
export class NamedClient extends pg.Client {
  readonly #names = new Map<string, string>();

  override query = ((...args: unknown[]): unknown => {
    const [text, values, ...rest] = args;
    const query: AnyQuery = pg.Client.prototype.query.bind(this);
    const name = typeof text === 'string' && Array.isArray(values) ? this.#nameOf(text) : undefined;
    return name === undefined ? query(...args) : query({ name, text, values }, ...rest);
  }) as pg.Client['query'];

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= NAMES_MAX) return known;
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    this.#names.set(text, name);
    return name;
  }
}
