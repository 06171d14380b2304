import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generatedPages } from './generated-pages.ts';

for (const [path, text] of generatedPages()) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
