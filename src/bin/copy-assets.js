import { cp } from 'node:fs/promises';

// What the compiler leaves where it is: SQL, and a thread's entry point in plain JavaScript.
for (const path of ['src/storage/migrations', 'src/skills/transform/worker.js']) {
  await cp(path, `dist/${path}`, { recursive: true });
}

// The reference page's script, whole: the package that it is part of is needed for nothing else.
const scalar = 'node_modules/@scalar/api-reference/dist/browser/standalone.js';
await cp(scalar, 'dist/reference/standalone.js');
