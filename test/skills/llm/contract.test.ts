import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config.ts';
import { FAILURE_CODES } from '../../../src/contracts/failure-codes.ts';
import { createLlmContract } from '../../../src/skills/llm/contract.ts';

const SKILL = 'src/skills/llm';
/** What it shares with `http_call`. */
const SHARED = ['egress.ts', 'http/body.ts', 'http/deadline.ts', 'http/exchange.ts'];
/** The transport's failures that it tells as PROVIDER_FAILED, and the end of a run, which is no failure of a skill. */
const NEVER_TOLD = ['CONNECTION_LOST', 'RESPONSE_INVALID', 'CANCELLED'];

const own = (readdirSync(SKILL, { recursive: true }) as string[])
  .filter((path) => path.endsWith('.ts') && path !== 'contract.ts')
  .map((path) => join(SKILL, path));
const sources = [...own, ...SHARED.map((path) => join('src/skills', path))].map((path) =>
  readFileSync(path, 'utf8'),
);

test('every failure that the sources of the skill name is in its contract, and no other', () => {
  const literals = sources.flatMap((text) => [...text.matchAll(/'([A-Z][A-Z0-9_]+)'/g)]);
  const codes = new Set(literals.map(([, literal]) => literal!));
  const named = [...codes].filter((code) => code in FAILURE_CODES && !NEVER_TOLD.includes(code));
  const listed = createLlmContract(readConfig({}).llm).failure_modes.map(({ code }) => code);
  expect(listed.toSorted()).toEqual(named.toSorted());
});
