import { exitWith, readConfigOrExit, stopOnSignal } from './lifecycle.ts';
import { startStack } from './stack.ts';

readConfigOrExit();
const starting = startStack(process.env, {
  onProgress: (text) => console.log(`· ${text}`),
  onLog: (text) => process.stderr.write(text),
});
// A signal during the start stops what has been started, once it stands.
stopOnSignal(async () => {
  const stack = await starting.catch(() => undefined);
  console.log('Stopping …');
  await stack?.stop();
  console.log('AOS has stopped; open runs go on at the next start.');
});

const { apiUrl, metricsUrls, temporalUiUrl, newAdminKey } = await starting.catch(exitWith);
const metrics = ` · metrics ${metricsUrls.api} and ${metricsUrls.worker}`;
const ui = temporalUiUrl === undefined ? '' : ` · Temporal Web UI ${temporalUiUrl}`;
const key = newAdminKey === undefined ? '' : ` · admin key, shown this once: ${newAdminKey}`;
console.log(`AOS is ready: API ${apiUrl}${ui}${metrics}${key}`);
