import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AosError } from '../contracts/failures.ts';
import {
  WORKSPACE_FILE_BYTES_MAX,
  WORKSPACE_PATH_LENGTH_MAX,
  WORKSPACE_TIMEOUT_DEFAULT_MS,
  WORKSPACE_TIMEOUT_MAX_MS,
} from '../contracts/limits.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { Skill } from './skill.ts';
import type { Workspace } from './workspace.ts';
import { callWorkspace } from './workspace/call.ts';
import { quotePath } from './workspace/failures.ts';

const Encoding = z.enum(['text', 'base64']);

const FsReadParams = z.object({
  path: z.string().min(1).max(WORKSPACE_PATH_LENGTH_MAX).describe('Relative path in the workspace'),
  encoding: Encoding.default('text').describe('How the bytes are given: UTF-8 text or base64'),
  max_bytes: z
    .int()
    .min(1)
    .max(WORKSPACE_FILE_BYTES_MAX)
    .optional()
    .describe('A larger file is refused'),
});

/** What `fs_read` takes, gives and promises. */
export const fsReadContract: SkillContract = {
  id: 'fs_read',
  name: 'Read a file',
  version: '1.0.0',
  description: 'Reads one file of the tenant’s workspace, whole, as text or as base64.',
  params: FsReadParams,
  output: z.object({
    path: z.string(),
    content: z.string(),
    encoding: Encoding,
    bytes: z.int(),
    sha256: z.string(),
  }),
  cost: { per: 'none', base_micro_cents: 0, note: 'Free.' },
  latency: { typical_ms: 5 },
  timeout: { default_ms: WORKSPACE_TIMEOUT_DEFAULT_MS, max_ms: WORKSPACE_TIMEOUT_MAX_MS },
  retry: { max_attempts: 2 },
  limits: {
    file_bytes_max: WORKSPACE_FILE_BYTES_MAX,
    path_length_max: WORKSPACE_PATH_LENGTH_MAX,
  },
  side_effects: 'reads',
  idempotent: 'always',
  failure_modes: [
    { code: 'FS_NOT_FOUND', description: 'No file is at the path.', probability: 0.01 },
    { code: 'FS_PATH_REFUSED', description: 'The path leads out.', probability: 0.002 },
    { code: 'FS_NOT_A_FILE', description: 'The path is a folder.', probability: 0.002 },
    { code: 'FS_TOO_LARGE', description: 'The file is over the cap.', probability: 0.002 },
    { code: 'FS_NOT_TEXT', description: 'The bytes are no UTF-8.', probability: 0.002 },
    { code: 'FS_IO_FAILED', description: 'The disk failed.', probability: 0.0005 },
    { code: 'TIMEOUT', description: 'The disk did not answer in time.', probability: 0.0005 },
  ],
  inline: false,
};

/** Builds the skill that reads files. */
export function createFsRead({ workspace }: { workspace: Workspace }): Skill {
  return {
    contract: fsReadContract,
    worstCaseMicroCents: () => 0,
    isIdempotent: () => true,
    timeoutMs: () => undefined,
    call: (call) =>
      callWorkspace('fs_read', call, async (signal) => {
        const { path, encoding, max_bytes: bytesMax } = FsReadParams.parse(call.params);
        const bytes = await workspace.read({ tenantId: call.tenantId, path, bytesMax, signal });
        return {
          path,
          content: encoding === 'base64' ? bytes.toString('base64') : toText(bytes, path),
          encoding,
          bytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
        };
      }),
  };
}

function toText(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const message = `${quotePath(path)} holds bytes that are no UTF-8. Read it with \`encoding: "base64"\`.`;
    throw new AosError('FS_NOT_TEXT', message, {}, { cause: error });
  }
}
