import { Command } from 'commander';
import { createPool, sqlStateOf } from '../storage/pool.ts';
import type { RunCommand } from './aos/deps.ts';
import { addKeyCommands } from './aos/keys.ts';
import { openDatabase } from './aos/open-database.ts';
import { addTenantCommands } from './aos/tenants.ts';
import { createHashKey } from './installation-keys.ts';
import { exitWith, readConfigOrExit, stopOnSignal } from './lifecycle.ts';

/** No such table, no such column. */
const SCHEMA_STATES: ReadonlySet<unknown> = new Set(['42P01', '42703']);

const run: RunCommand = async (work) => {
  const config = readConfigOrExit();
  const opening = openDatabase(config, (text) => console.error(`· ${text}`));
  const stopped = async () => (await opening.catch(() => undefined))?.stop();
  stopOnSignal(async () => {
    await stopped();
    throw new Error('Interrupted.');
  });
  try {
    const { url, pepper } = await opening;
    const pool = createPool({ url, connectionsMax: 2, onError: () => {} });
    const deps = { pool, hashKey: createHashKey(pepper), ratePerMinute: config.ratePerMinute };
    try {
      console.log(await work(deps));
    } finally {
      await pool.end();
    }
  } finally {
    await stopped();
  }
};

const program = new Command('aos').description(
  'What is done with AOS at its server, without a key.',
);
addKeyCommands(program, run);
addTenantCommands(program, run);
await program
  .parseAsync()
  .catch((error: unknown) =>
    exitWith(
      SCHEMA_STATES.has(sqlStateOf(error))
        ? 'The database has no schema yet, or one of an older AOS. Run `node dist/src/bin/migrate.js` first.'
        : error,
    ),
  );
