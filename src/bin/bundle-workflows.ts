import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Made once at build, so that no worker bundles at its start. */
const { code } = await bundleWorkflowCode({
  workflowsPath: at('../../workflows/index.js'),
  logger: new DefaultLogger('WARN'),
});
await writeFile(at('../../workflow-bundle.js'), code);
