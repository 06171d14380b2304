import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

/** Appends what a server under us prints to a file in the data folder. */
export function logTo(dataDir: string, name: string): (text: string) => void {
  const file = createWriteStream(join(dataDir, `${name}.log`), { flags: 'a' });
  // A full disk must not take the servers down with it.
  file.on('error', () => {});
  return (text) => void file.write(text);
}
