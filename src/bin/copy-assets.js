import { cp, readdir } from 'node:fs/promises';

// What the compiler leaves where it is: SQL, and threads' entry points in plain JavaScript.
await cp('src/storage/migrations', 'dist/src/storage/migrations', { recursive: true });
for (const name of await readdir('src/skills')) {
  if (name.endsWith('.js')) await cp(`src/skills/${name}`, `dist/src/skills/${name}`);
}
