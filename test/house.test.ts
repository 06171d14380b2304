import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { generatedPages } from '../src/bin/generated-pages.ts';

interface Layer {
  folders: string[];
  /** The packages it may import; any when absent. */
  packages?: string[];
}

/** Who may import whom. A file belongs to the longest key that matches its path. */
const layers: Record<string, Layer> = {
  'src/contracts': { folders: [], packages: ['zod', '@temporalio/workflow'] },
  'src/domain': { folders: ['src/contracts'], packages: [] },
  'src/bin': { folders: ['src', 'activities', 'api'] },
  'src/skills': { folders: ['src/contracts', 'src/domain', 'src/storage'] },
  'src/rates': { folders: ['src/contracts', 'src/telemetry'] },
  'src/audit': { folders: ['src/contracts', 'src/storage', 'src/telemetry'] },
  'src/keys': { folders: ['src/contracts', 'src/domain', 'src/storage', 'src/telemetry'] },
  'src/account': { folders: ['src/contracts', 'src/domain', 'src/storage'] },
  'src/agents': {
    folders: ['src/account', 'src/contracts', 'src/domain', 'src/skills', 'src/storage'],
  },
  'src/events': { folders: ['src/contracts', 'src/storage'] },
  'src/live': {
    folders: ['src/contracts', 'src/domain', 'src/events', 'src/storage', 'src/telemetry'],
  },
  'src/secrets': { folders: ['src/contracts', 'src/domain', 'src/skills', 'src/storage'] },
  'src/openapi': { folders: ['src/contracts'] },
  // What can be known before a run is built on runs, and never the other way.
  'src/runs': {
    folders: [
      'src/agents',
      'src/contracts',
      'src/domain',
      'src/rates',
      'src/secrets',
      'src/skills',
      'src/storage',
      'src/telemetry',
      'src/temporal',
    ],
  },
  'src/webhooks': {
    folders: [
      'src/agents',
      'src/contracts',
      'src/domain',
      'src/events',
      'src/secrets',
      'src/skills',
      'src/storage',
      'src/telemetry',
      'src/temporal',
    ],
  },
  'src/embedded': { folders: ['src/contracts'] },
  'src/storage': {
    folders: ['src/contracts', 'src/domain'],
    packages: ['pg', 'node:crypto', 'node:fs/promises', 'node:path', 'node:url'],
  },
  'src/temporal': {
    folders: ['src/contracts'],
    packages: [
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/proto',
      '@temporalio/worker',
    ],
  },
  src: { folders: ['src'] },
  workflows: {
    folders: ['src/contracts', 'src/domain'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  activities: { folders: ['src'] },
  api: { folders: ['src'] },
};

const root = fileURLToPath(new URL('..', import.meta.url));
const longestFirst = Object.keys(layers).toSorted((a, b) => b.length - a.length);
const layerOf = (path: string): string =>
  longestFirst.find((layer) => path.startsWith(`${layer}/`)) ?? 'elsewhere';
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const listFiles = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const sources = ['src', 'workflows', 'activities', 'api'].flatMap((folder) =>
  listFiles(folder, '.ts'),
);

function forbiddenImports(file: string): string[] {
  const layer = layerOf(file);
  const { folders, packages } = layers[layer]!;
  // A type of zod's is gone when the bundle is made, so domain may name it.
  const text =
    layer === 'src/domain'
      ? read(file).replaceAll(/^import type .* from 'zod';$/gm, '')
      : read(file);
  const specifiers = [...text.matchAll(/from '([^']+)'/g)].map((match) => match[1]!);
  return specifiers.filter((specifier) => {
    if (!specifier.startsWith('.')) return packages !== undefined && !packages.includes(specifier);
    const target = join(dirname(file), specifier);
    if (layerOf(target) === layer) return false;
    return (
      layerOf(target) === 'src/bin' || !folders.some((folder) => target.startsWith(`${folder}/`))
    );
  });
}

test.each(sources)('%s imports only what its layer may', (file) => {
  expect(forbiddenImports(file)).toEqual([]);
});

test('the api never loads the worker', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, specifier] of read(file).matchAll(/^import (?!type)[^;]*from '([^']+)'/gm)) {
      if (specifier!.startsWith('.')) visit(join(dirname(file), specifier!));
      else packages.add(specifier!);
    }
  };
  visit('src/bin/api.ts');
  expect(seen.size).toBeGreaterThan(50);
  expect([...packages]).toContain('@temporalio/client');
  expect([...packages]).not.toContain('@temporalio/worker');
});

test('only src/config.ts reads the environment, and only src/bin hands it on', () => {
  const readers = sources.filter(
    (file) => read(file).includes('process.env') && !file.startsWith('src/bin/'),
  );
  expect(readers).toEqual(['src/config.ts']);
});

/** Where a request, a plan or a step can meet a bound. */
const CALLERS_MEET =
  /^(api|src\/(account|agents|capabilities|contracts|domain|keys|questions|runs|simulation|skills|validation))\//;

/** Constants of these folders that bound no caller. */
const OWN_BOUNDS = [
  // How much of a foreign text, or of a long list, a message shows.
  'src/domain/plan/check-graph.ts CYCLE_STEPS_SHOWN_MAX',
  'src/domain/plan/pointer.ts KEY_LENGTH_MAX',
  'src/domain/plan/problem-list.ts TEXT_LENGTH_MAX',
  'src/domain/plan/wording.ts WORD_LENGTH_MAX',
  'src/questions/failure-fields.ts MESSAGE_LENGTH_MAX',
  'src/runs/planning/planner-failures.ts MESSAGE_LENGTH_MAX',
  'src/skills/email/mailbox.ts QUOTE_LENGTH_MAX',
  'src/skills/email/reply.ts TEXT_LENGTH_MAX',
  'src/skills/http/body.ts EXCERPT_BYTES_MAX',
  'src/skills/http/exchange.ts EXCERPT_MS_MAX',
  'src/skills/http/failures.ts ERROR_BODY_BYTES_MAX',
  'src/skills/http/failures.ts ERROR_TEXT_BYTES_MAX',
  'src/skills/http/failures.ts EXCERPT_LENGTH_MAX',
  'src/skills/llm-invoke.ts MESSAGE_LENGTH_MAX',
  'src/skills/llm/answer/check.ts PLACE_LENGTH_MAX',
  'src/skills/llm/answer/check.ts PROBLEMS_MAX',
  'src/skills/llm/answer/check.ts PROBLEM_LENGTH_MAX',
  'src/skills/llm/answer/keywords.ts TOLD_LENGTH_MAX',
  'src/skills/llm/answer/keywords.ts TOLD_MAX',
  'src/skills/llm/converse.ts PROBLEMS_LENGTH_MAX',
  'src/skills/llm/converse.ts REFUSAL_LENGTH_MAX',
  'src/skills/llm/generate.ts WARNING_LENGTH_MAX',
  'src/skills/llm/provider/failures.ts COMPLAINT_LENGTH_MAX',
  'src/skills/llm/provider/wire.ts ERROR_BODY_BYTES_MAX',
  'src/skills/llm/provider/wire.ts ERROR_TEXT_BYTES_MAX',
  // Statements behind one page of events.
  'api/live/event-page.ts SCANS_MAX',
  // What the operator may set.
  'src/skills/email/address-list.ts ENTRIES_MAX',
  'src/skills/email/smtp-url.ts PORT_MAX',
  'src/skills/http/prices.ts CENTS_MAX',
  'src/skills/llm/prices/operator-prices.ts CENTS_MAX',
  // What a mail server may answer, what a process keeps in memory, and where words are compared.
  'src/domain/word-match.ts STEM_LETTERS_MIN',
  'src/domain/word-match.ts WORD_LETTERS_MIN',
  'src/skills/email/delivery.ts REPLY_BYTES_MAX',
  'src/skills/llm/conversation.ts KNOWN_CHARACTERS_MAX',
];

test('every bound that a caller can meet is in limits.ts, from where /api/v1/limits tells it', () => {
  const files = sources.filter(
    (file) => CALLERS_MEET.test(file) && file !== 'src/contracts/limits.ts',
  );
  const constants = files.flatMap((file) =>
    [...read(file).matchAll(/^(?:export )?const (\w*(?:MAX|MIN|DEFAULT)\w*) *= *\d/gm)].map(
      ([, name]) => `${file} ${name}`,
    ),
  );
  const written = files.flatMap((file) =>
    [...read(file).matchAll(/\btext\(\d+\)|(?<!Math)\.(?:max|length|lte?)\(\s*\d+/g)].map(
      ([text]) => `${file} ${text}`,
    ),
  );
  expect({ constants: constants.toSorted(), written }).toEqual({
    constants: OWN_BOUNDS.toSorted(),
    written: [],
  });
});

test('every generated page is up to date', () => {
  for (const [path, text] of generatedPages()) {
    expect({
      path,
      text: existsSync(join(root, path)) ? read(path) : 'missing: npm run pages',
    }).toEqual({ path, text });
  }
});

test('the sources hold no leavings', () => {
  const leavings = /\b(TODO|FIXME|XXX|HACK)\b/;
  const own = 'test/house.test.ts';
  const files = [...sources, ...listFiles('test', '.ts'), ...listFiles('docs', '.md')].filter(
    (file) => file !== own,
  );
  expect(files.filter((file) => leavings.test(read(file)))).toEqual([]);
});

test('every document has exactly one title', () => {
  const documents = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    ...listFiles('docs', '.md'),
  ];
  const titles = (file: string): number =>
    read(file)
      .replaceAll(/^```[^]*?^```/gm, '')
      .match(/^# /gm)?.length ?? 0;
  expect(documents.filter((file) => titles(file) !== 1)).toEqual([]);
});
