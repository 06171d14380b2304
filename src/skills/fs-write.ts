import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AosError } from '../contracts/failures.ts';
import type { Json } from '../contracts/json.ts';
import {
  WORKSPACE_BYTES_MAX,
  WORKSPACE_FILE_BYTES_MAX,
  WORKSPACE_PATH_LENGTH_MAX,
  WORKSPACE_TIMEOUT_DEFAULT_MS,
  WORKSPACE_TIMEOUT_MAX_MS,
} from '../contracts/limits.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { Skill } from './skill.ts';
import type { Workspace } from './workspace.ts';
import { callWorkspace } from './workspace/call.ts';
import { quotePath, tooLarge } from './workspace/failures.ts';

const FsWriteParams = z.object({
  path: z.string().min(1).max(WORKSPACE_PATH_LENGTH_MAX).describe('Relative path in the workspace'),
  // z.json() would copy the value and lose a key named __proto__.
  content: z
    .unknown()
    .refine((value) => value !== undefined, 'is required: a string or any JSON value')
    .describe('A string, or any JSON value, which is written as indented JSON'),
  encoding: z
    .enum(['text', 'base64'])
    .default('text')
    .describe('What a string is: the text itself, or bytes as base64'),
  overwrite: z
    .boolean()
    .default(true)
    .describe('When false, a file that is there with other content is a failure'),
});

/** What `fs_write` takes, gives and promises. */
export const fsWriteContract: SkillContract = {
  id: 'fs_write',
  name: 'Write a file',
  version: '1.0.0',
  description:
    'Writes one file of the tenant’s workspace, whole or not at all, and makes its folders.',
  params: FsWriteParams,
  output: z.object({
    path: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    created: z.boolean().describe('Whether this call made the file; false when a retry finds it'),
  }),
  cost: { per: 'none', base_micro_cents: 0, note: 'Free.' },
  latency: { typical_ms: 20 },
  timeout: { default_ms: WORKSPACE_TIMEOUT_DEFAULT_MS, max_ms: WORKSPACE_TIMEOUT_MAX_MS },
  retry: { max_attempts: 2 },
  limits: {
    file_bytes_max: WORKSPACE_FILE_BYTES_MAX,
    workspace_bytes_max: WORKSPACE_BYTES_MAX,
    path_length_max: WORKSPACE_PATH_LENGTH_MAX,
  },
  side_effects: 'writes',
  idempotent: 'always',
  failure_modes: [
    { code: 'FS_PATH_REFUSED', description: 'The path leads out.', probability: 0.002 },
    { code: 'FS_NOT_A_FILE', description: 'The path is a folder.', probability: 0.002 },
    { code: 'FS_TOO_LARGE', description: 'The content is over the cap.', probability: 0.002 },
    { code: 'FS_QUOTA_EXCEEDED', description: 'The workspace is full.', probability: 0.002 },
    { code: 'PARAMS_INVALID', description: 'The content cannot be written.', probability: 0.002 },
    { code: 'FS_IO_FAILED', description: 'The disk failed.', probability: 0.0005 },
    { code: 'TIMEOUT', description: 'The disk did not answer in time.', probability: 0.0005 },
  ],
  inline: false,
};

/** Builds the skill that writes files. */
export function createFsWrite({ workspace }: { workspace: Workspace }): Skill {
  return {
    contract: fsWriteContract,
    worstCaseMicroCents: () => 0,
    isIdempotent: () => true,
    timeoutMs: () => undefined,
    call: (call) =>
      callWorkspace('fs_write', call, async (signal) => {
        const { path, content, encoding, overwrite } = FsWriteParams.parse(call.params);
        const bytes = toBytes(content as Json, encoding, path, workspace.fileBytesMax);
        const { tenantId } = call;
        const { created } = await workspace.write({ tenantId, path, bytes, overwrite, signal });
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        return { path, bytes: bytes.length, sha256, created };
      }),
  };
}

function toBytes(
  content: Json,
  encoding: 'text' | 'base64',
  path: string,
  bytesMax: number,
): Buffer {
  if (encoding === 'base64') return fromBase64(content, path, bytesMax);
  if (typeof content !== 'string') return fromJson(content, path, bytesMax);
  const bytes = Buffer.byteLength(content);
  if (bytes > bytesMax) throw tooLarge(path, bytes, bytesMax);
  if (/\p{Surrogate}/u.test(content)) {
    throw contentRefused(path, 'has half of a surrogate pair, which is no text');
  }
  return Buffer.from(content);
}

function fromBase64(content: Json, path: string, bytesMax: number): Buffer {
  if (typeof content !== 'string') throw contentRefused(path, 'is no string of base64');
  const bytes = Math.floor(content.length / 4) * 3 - 2;
  if (bytes > bytesMax) throw tooLarge(path, bytes, bytesMax);
  const decoded = Buffer.from(content, 'base64');
  // Buffer skips what it does not know, so only the way back shows that nothing was skipped.
  if (decoded.toString('base64') !== content) {
    throw contentRefused(path, 'is no base64: the standard alphabet, with padding, without breaks');
  }
  return decoded;
}

function fromJson(content: Json, path: string, bytesMax: number): Buffer {
  const indentation = indentationBytes(content, 1);
  if (indentation > bytesMax) throw tooLarge(path, indentation, bytesMax);
  return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
}

/** Indenting deep JSON can multiply its size, so it is counted before it is done. */
function indentationBytes(value: Json, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>(
    (bytes, item) => bytes + 2 * depth + indentationBytes(item, depth + 1),
    0,
  );
}

const contentRefused = (path: string, what: string): AosError =>
  new AosError(
    'PARAMS_INVALID',
    `The content for ${quotePath(path)} ${what}. Correct \`content\`, or choose the other \`encoding\`.`,
  );
