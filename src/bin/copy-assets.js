import { cp } from 'node:fs/promises';

// What the compiler leaves where it is: SQL, and a thread's entry point in plain JavaScript.
for (const path of ['src/storage/migrations', 'src/skills/transform/worker.js']) {
  await cp(path, `dist/${path}`, { recursive: true });
}
