import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Installs and builds what is missing or stale. Plain JavaScript, since it runs before anything is installed. */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 18)) {
  console.error(`AOS needs Node 20.18.1 or later; this is ${process.version}.`);
  process.exit(1);
}

/** @param {string} path */
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** @param {string} folder @returns {number} */
const newestIn = (folder) =>
  Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) =>
      entry.isDirectory()
        ? newestIn(join(folder, entry.name))
        : changedAt(join(folder, entry.name)),
    ),
  );

/** @param {string[]} words */
const npm = (words) => {
  const { status } = spawnSync('npm', words, { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
};

if (changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json')) {
  console.error('Installing packages (npm ci) …');
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}
const sources = ['src', 'workflows', 'activities', 'api'].map(newestIn);
const newest = Math.max(
  ...sources,
  changedAt('tsconfig.json'),
  changedAt('node_modules/.package-lock.json'),
);
if (changedAt('dist/workflow-bundle.js') < newest) {
  console.error('Building …');
  npm(['run', 'build', '--silent']);
}
