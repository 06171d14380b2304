import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createFsRead, fsReadContract } from '../../src/skills/fs-read.ts';
import type { SkillCall } from '../../src/skills/skill.ts';
import { createWorkspace } from '../../src/skills/workspace.ts';
import type { Workspace } from '../../src/skills/workspace.ts';
import { callSkill, failureOf } from '../support/call-skill.ts';

let root: string;
let workspace: Workspace;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'aos-fs-read-'));
  mkdirSync(join(root, 'tenant_1'));
  workspace = createWorkspace({ root });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const put = (name: string, content: string | Buffer): void =>
  writeFileSync(join(root, 'tenant_1', name), content);

const readFile = (params: JsonObject, overrides: Partial<SkillCall> = {}): Promise<SkillResult> =>
  callSkill(createFsRead({ workspace }), params, overrides);

describe('fs_read', () => {
  test('gives text with its size in bytes and its hash', async () => {
    put('a.txt', 'Grüße\n');
    const result = await readFile({ path: './a.txt' });
    expect(result).toEqual({
      ok: true,
      output: {
        path: './a.txt',
        content: 'Grüße\n',
        encoding: 'text',
        bytes: 8,
        sha256: createHash('sha256').update('Grüße\n').digest('hex'),
      },
      usage: { cost_micro_cents: 0 },
    });
    const output = result.ok ? result.output : undefined;
    expect(fsReadContract.output.parse(output)).toEqual(output);
  });

  test('keeps a byte order mark, NUL, line ends and an empty file as they are', async () => {
    for (const content of ['\ufeffx', 'a\0b', '\r\n\n\r', '😀', '']) {
      put('exact', content);
      expect(await readFile({ path: 'exact' })).toMatchObject({ output: { content } });
    }
  });

  test('refuses bytes that are no UTF-8 as text and gives them as base64', async () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      put('binary', Buffer.from(bytes));
      expect(await failureOf(readFile({ path: 'binary' }))).toBe('FS_NOT_TEXT');
      const content = Buffer.from(bytes).toString('base64');
      const result = await readFile({ path: 'binary', encoding: 'base64' });
      expect(result).toMatchObject({ output: { content, encoding: 'base64' } });
    }
  });

  test('refuses a file over max_bytes and names both numbers', async () => {
    put('ten', '0123456789');
    expect(await failureOf(readFile({ path: 'ten', max_bytes: 10 }))).toBe('ok');
    const result = await readFile({ path: 'ten', max_bytes: 9 });
    expect(result).toMatchObject({ ok: false, failure: { code: 'FS_TOO_LARGE' } });
    expect(result).toHaveProperty('failure.message', expect.stringMatching(/10 bytes.* 9\./));
  });

  test('returns the failures of the workspace, with the path as the plan gave it', async () => {
    expect(await failureOf(readFile({ path: '../x' }))).toBe('FS_PATH_REFUSED');
    const result = await readFile({ path: 'no/such.txt' });
    expect(result).toMatchObject({ ok: false, failure: { code: 'FS_NOT_FOUND' } });
    expect(result).toHaveProperty('failure.message', expect.stringContaining('"no/such.txt"'));
    expect(JSON.stringify(result)).not.toContain(root);
  });

  test('is cancelled by its signal, before the call and during it', async () => {
    put('a.txt', 'x');
    const before = { signal: AbortSignal.abort() };
    expect(await failureOf(readFile({ path: 'a.txt' }, before))).toBe('CANCELLED');

    const controller = new AbortController();
    const hanging = createFsRead({
      workspace: { ...workspace, read: () => new Promise(() => {}) },
    });
    const call = { params: { path: 'a.txt' }, tenantId: 'tenant_1', effectKey: 'effect_1' };
    const during = hanging.call({ ...call, signal: controller.signal, timeoutMs: 10_000 });
    controller.abort();
    expect(await failureOf(during)).toBe('CANCELLED');
  });

  test('times out when the disk does not answer', async () => {
    const hanging = createFsRead({
      workspace: { ...workspace, read: () => new Promise(() => {}) },
    });
    const { signal } = new AbortController();
    const call = { params: { path: 'a.txt' }, tenantId: 'tenant_1', effectKey: 'effect_1', signal };
    const result = await hanging.call({ ...call, timeoutMs: 20 });
    expect(result).toMatchObject({ ok: false, failure: { code: 'TIMEOUT' } });
    expect(result).toHaveProperty('failure.message', expect.stringContaining('20 ms'));
  });

  test('does not throw when something breaks that nobody foresaw', async () => {
    const broken = createFsRead({
      workspace: { ...workspace, read: () => Promise.reject(new TypeError('inner secret')) },
    });
    const { signal } = new AbortController();
    const call = { params: { path: 'a.txt' }, tenantId: 'tenant_1', effectKey: 'effect_1', signal };
    const result = await broken.call({ ...call, timeoutMs: 1000 });
    expect(result).toMatchObject({ ok: false, failure: { code: 'SKILL_CRASHED' } });
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  test('has a schema that fills in defaults and refuses what is out of range', () => {
    const { params } = fsReadContract;
    expect(params.parse({ path: 'a' })).toEqual({ path: 'a', encoding: 'text' });
    for (const wrong of [
      {},
      { path: '' },
      { path: 'x'.repeat(1025) },
      { path: 'a', encoding: 'latin1' },
      { path: 'a', max_bytes: 0 },
      { path: 'a', max_bytes: 8 * 1024 * 1024 + 1 },
    ]) {
      expect(params.safeParse(wrong).success).toBe(false);
    }
  });

  test('promises to be free, repeatable and publishable', () => {
    const skill = createFsRead({ workspace });
    expect(skill.worstCaseMicroCents({})).toBe(0);
    expect(skill.isIdempotent({})).toBe(true);
    expect(skill.timeoutMs({})).toBeUndefined();
    expect(z.toJSONSchema(fsReadContract.params)).toHaveProperty('properties.path');
    for (const { code } of fsReadContract.failure_modes) expect(FAILURE_CODES).toHaveProperty(code);
  });
});
