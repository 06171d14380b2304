import { migrate } from '../storage/migrate.ts';
import { exitWith, readConfigOrExit } from './lifecycle.ts';

const config = readConfigOrExit();
const url =
  config.databaseDirectUrl ??
  config.databaseUrl ??
  exitWith('Set DATABASE_URL to the database to migrate.');
const applied = await migrate(url).catch(exitWith);
console.log(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
