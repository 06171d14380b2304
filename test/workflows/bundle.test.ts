import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { WORKFLOW_BUNDLE } from '../support/harness.ts';

test('the workflow bundle holds nothing but workflows, contracts, domain and the SDK', () => {
  const code = readFileSync(WORKFLOW_BUNDLE, 'utf8');
  expect(code).toContain('runPlan');
  for (const name of [
    'node_modules/zod',
    'node_modules/pg/',
    'node_modules/koa',
    'src/storage',
    'src/skills',
  ]) {
    expect(code.includes(name) ? name : '').toBe('');
  }
});
