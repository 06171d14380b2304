import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createFsWrite, fsWriteContract } from '../../src/skills/fs-write.ts';
import type { SkillCall } from '../../src/skills/skill.ts';
import { createWorkspace } from '../../src/skills/workspace.ts';
import type { Workspace } from '../../src/skills/workspace.ts';
import { callSkill, failureOf } from '../support/call-skill.ts';

let root: string;
let workspace: Workspace;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'aos-fs-write-'));
  workspace = createWorkspace({ root, fileBytesMax: 1000, bytesMax: 1500 });
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const onDisk = (path: string): Buffer => readFileSync(join(root, 'tenant_1', path));

const writeFile = (params: JsonObject, overrides: Partial<SkillCall> = {}): Promise<SkillResult> =>
  callSkill(createFsWrite({ workspace }), params, overrides);

describe('fs_write', () => {
  test('writes text and says its size in bytes, its hash and whether the file is new', async () => {
    const output = {
      path: 'a/b.txt',
      bytes: 8,
      sha256: createHash('sha256').update('Grüße\n').digest('hex'),
      created: true,
    };
    const params = { path: 'a/b.txt', content: 'Grüße\n' };
    const usage = { cost_micro_cents: 0 };
    expect(await writeFile(params)).toEqual({ ok: true, output, usage });
    expect(await writeFile(params)).toEqual({
      ok: true,
      output: { ...output, created: false },
      usage,
    });
    expect(onDisk('a/b.txt').toString()).toBe('Grüße\n');
    expect(fsWriteContract.output.parse(output)).toEqual(output);
  });

  test('writes a string exactly, with NUL, line ends, marks and emptiness', async () => {
    for (const content of ['', 'a\0b', '\r\n\n\r', '\ufeffx', '😀', '{"a":1}']) {
      await writeFile({ path: 'exact', content });
      expect(onDisk('exact').toString()).toBe(content);
    }
  });

  test.each<[Json, string]>([
    [{ a: [1, { b: null }] }, '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ]\n}\n'],
    [[], '[]\n'],
    [null, 'null\n'],
    [12.5, '12.5\n'],
    [false, 'false\n'],
    [JSON.parse('{"__proto__":{"x":1}}') as Json, '{\n  "__proto__": {\n    "x": 1\n  }\n}\n'],
    [['\ud800'], '[\n  "\\ud800"\n]\n'],
  ])('writes the JSON value %j as indented JSON', async (content, text) => {
    expect(await failureOf(writeFile({ path: 'a.json', content }))).toBe('ok');
    expect(onDisk('a.json').toString()).toBe(text);
  });

  test('writes the bytes of base64 and refuses what is no base64', async () => {
    for (const bytes of [[], [0], [0xff, 0xfe], [1, 2, 3], [0xfb, 0xff, 0xbf, 0]]) {
      const content = Buffer.from(bytes).toString('base64');
      expect(await failureOf(writeFile({ path: 'b', content, encoding: 'base64' }))).toBe('ok');
      expect([...onDisk('b')]).toEqual(bytes);
    }
    for (const content of [
      'AA',
      'AA=',
      'A',
      'AAAA\n',
      'AA AA',
      '-_-_',
      'AB==',
      '=',
      'é',
      12,
      {},
      null,
    ]) {
      const result = writeFile({ path: 'c', content, encoding: 'base64' });
      expect(await failureOf(result)).toBe('PARAMS_INVALID');
    }
    expect(existsSync(join(root, 'tenant_1/c'))).toBe(false);
  });

  test('refuses half of a surrogate pair instead of corrupting it', async () => {
    for (const content of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
      expect(await failureOf(writeFile({ path: 'a', content }))).toBe('PARAMS_INVALID');
    }
    expect(existsSync(join(root, 'tenant_1/a'))).toBe(false);
  });

  test('holds every kind of content to the cap of one file', async () => {
    const ofBytes = (bytes: number): string => Buffer.alloc(bytes).toString('base64');
    for (const [content, encoding, code] of [
      ['x'.repeat(1000), 'text', 'ok'],
      ['x'.repeat(1001), 'text', 'FS_TOO_LARGE'],
      ['é'.repeat(501), 'text', 'FS_TOO_LARGE'],
      [ofBytes(1000), 'base64', 'ok'],
      [ofBytes(1001), 'base64', 'FS_TOO_LARGE'],
      [ofBytes(1003), 'base64', 'FS_TOO_LARGE'],
      [ofBytes(5000), 'base64', 'FS_TOO_LARGE'],
      ['x'.repeat(997), 'text', 'ok'],
      [['x'.repeat(991)], 'text', 'ok'],
      [['x'.repeat(992)], 'text', 'FS_TOO_LARGE'],
      [Array.from({ length: 600 }, () => 1), 'text', 'FS_TOO_LARGE'],
    ] as const) {
      const params = { path: 'a', content: content as Json, encoding };
      expect(await failureOf(writeFile(params))).toBe(code);
    }
    const full = await writeFile({ path: 'b', content: 'x'.repeat(600) });
    expect(full).toMatchObject({ ok: false, failure: { code: 'FS_QUOTA_EXCEEDED' } });
  });

  test('refuses deep JSON whose indentation would be huge, before building it', async () => {
    let content: Json = Array.from({ length: 1_000_000 }, () => 1);
    for (let depth = 0; depth < 60; depth += 1) content = [content];
    workspace = createWorkspace({ root });
    const before = process.memoryUsage().rss;
    expect(await failureOf(writeFile({ path: 'a', content }))).toBe('FS_TOO_LARGE');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test('without overwrite succeeds again with the same content and refuses other content', async () => {
    const params = { path: 'a', content: 'one', overwrite: false };
    expect(await writeFile(params)).toMatchObject({ output: { created: true } });
    expect(await writeFile(params)).toMatchObject({ output: { created: false } });
    const other = await writeFile({ ...params, content: 'two' });
    expect(other).toMatchObject({ ok: false, failure: { code: 'PARAMS_INVALID' } });
    expect(other).toHaveProperty('failure.message', expect.stringContaining('`overwrite`'));
    expect(onDisk('a').toString()).toBe('one');
  });

  test('returns the failures of the workspace, with the path as the plan gave it', async () => {
    const result = await writeFile({ path: '/etc/passwd', content: 'x' });
    expect(result).toMatchObject({ ok: false, failure: { code: 'FS_PATH_REFUSED' } });
    expect(result).toHaveProperty('failure.message', expect.stringContaining('"/etc/passwd"'));
    expect(JSON.stringify(result)).not.toContain(root);
  });

  test('writes nothing when it is cancelled before', async () => {
    const cancelled = writeFile({ path: 'a', content: 'x' }, { signal: AbortSignal.abort() });
    expect(await failureOf(cancelled)).toBe('CANCELLED');
    expect(existsSync(join(root, 'tenant_1'))).toBe(false);
  });

  test('a write that times out while others have their turn is never made', async () => {
    let free = (): void => undefined;
    const blocked = new Promise<void>((resolve) => (free = resolve));
    const slow: Workspace = {
      ...workspace,
      write: async (request) => {
        await blocked;
        return workspace.write(request);
      },
    };
    const late = createFsWrite({ workspace: slow }).call({
      params: { path: 'late', content: 'x' },
      tenantId: 'tenant_1',
      effectKey: 'effect_1',
      signal: new AbortController().signal,
      timeoutMs: 20,
    });
    expect(await failureOf(late)).toBe('TIMEOUT');
    free();
    await writeFile({ path: 'a', content: 'x' });
    expect(existsSync(join(root, 'tenant_1/late'))).toBe(false);
  });

  test('has a schema that fills in defaults and refuses what is out of range', () => {
    const { params } = fsWriteContract;
    expect(params.parse({ path: 'a', content: null })).toEqual({
      path: 'a',
      content: null,
      encoding: 'text',
      overwrite: true,
    });
    for (const wrong of [
      { path: 'a' },
      { content: 'x' },
      { path: '', content: 'x' },
      { path: 'a', content: 'x', encoding: 'hex' },
      { path: 'a', content: 'x', overwrite: 'no' },
    ]) {
      expect(params.safeParse(wrong).success).toBe(false);
    }
  });

  test('promises to be free, repeatable and publishable', () => {
    const skill = createFsWrite({ workspace });
    expect(skill.worstCaseMicroCents({})).toBe(0);
    expect(skill.isIdempotent({})).toBe(true);
    expect(skill.timeoutMs({})).toBeUndefined();
    expect(z.toJSONSchema(fsWriteContract.params)).toHaveProperty('properties.content');
    for (const { code } of fsWriteContract.failure_modes)
      expect(FAILURE_CODES).toHaveProperty(code);
  });
});
