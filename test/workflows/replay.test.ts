import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import type { ReplayWorkerOptions } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { installQuietRuntime, WORKFLOW_BUNDLE } from '../support/harness.ts';

const FOLDER = new URL('../histories/', import.meta.url);
const CHANGED_WORKFLOW = fileURLToPath(new URL('../support/changed-workflow.ts', import.meta.url));
const names = readdirSync(FOLDER).toSorted();

/** Recorded by `npm run histories`; when that is due, CONTRIBUTING.md says. */
describe('a recorded history', () => {
  const bundle: ReplayWorkerOptions = { workflowBundle: { codePath: WORKFLOW_BUNDLE } };
  const read = (name: string): { events: { [key: string]: unknown }[] } =>
    JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { events: [] };
  /** The error of each, by name. */
  async function replay(
    options: ReplayWorkerOptions,
    histories: { name: string; history: unknown }[],
  ): Promise<Map<string, Error | undefined>> {
    const errors = new Map<string, Error | undefined>();
    const iterator = Worker.runReplayHistories(
      options,
      histories.map(({ name, history }) => ({ workflowId: name, history })),
    );
    for await (const { workflowId, error } of iterator) errors.set(workflowId, error);
    return errors;
  }

  beforeAll(installQuietRuntime);

  test('of every kind of run replays with the workflow as it is', async () => {
    expect(names.length).toBeGreaterThan(20);
    const errors = await replay(
      bundle,
      names.map((name) => ({ name, history: read(name) })),
    );
    expect([...errors.keys()].toSorted()).toEqual(names);
    expect([...errors].filter(([, error]) => error !== undefined)).toEqual([]);
  });

  test('that was changed does not replay', async () => {
    const text = readFileSync(new URL('steps-in-order.json', FOLDER), 'utf8');
    const history = JSON.parse(text.replaceAll('"executeStep"', '"executeAnother"')) as unknown;
    const errors = await replay(bundle, [{ name: 'changed', history }]);
    expect(errors.get('changed')).toBeInstanceOf(DeterminismViolationError);
  });

  test('does not replay with a workflow that was changed', async () => {
    const { code } = await bundleWorkflowCode({
      workflowsPath: CHANGED_WORKFLOW,
      logger: new DefaultLogger('ERROR', () => {}),
    });
    const errors = await replay(
      { workflowBundle: { code } },
      names.map((name) => ({ name, history: read(name) })),
    );
    const passed = [...errors].filter(([, error]) => !(error instanceof DeterminismViolationError));
    expect(passed.map(([name]) => name)).toEqual([]);
  });
});
