import { SETTINGS } from '../config.ts';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode, FailureCodeEntry } from '../contracts/failure-codes.ts';
import { createDocument } from '../openapi/document.ts';
import { metricsPage } from './metrics-page.ts';

/** The pages that are made from the code, by path: one place says a thing, and a test keeps the pages up to date. */
export function generatedPages(): Map<string, string> {
  const codes = Object.entries(FAILURE_CODES) as [FailureCode, FailureCodeEntry][];
  const pages = new Map(
    codes.map(([code, entry]) => [`docs/errors/${code}.md`, errorPage(code, entry)]),
  );
  pages.set('docs/errors/README.md', errorIndex(codes));
  pages.set('docs/reference/metrics.md', metricsPage());
  pages.set('docs/reference/openapi.json', `${JSON.stringify(createDocument(), null, 2)}\n`);
  pages.set('.env.example', environmentExample());
  return pages;
}

function errorPage(code: FailureCode, entry: FailureCodeEntry): string {
  return `# ${code}

${entry.title}.

| category | retryable | HTTP status | recovery action |
|---|---|---|---|
| ${entry.category} | ${entry.retryable ? 'yes' : 'no'} | ${entry.httpStatus} | \`${entry.action}\` |

**What happened.** ${entry.meaning}

**What to do.** ${entry.fix}
`;
}

const errorIndex = (codes: [FailureCode, FailureCodeEntry][]): string => `# Failure codes

Every failure of AOS, in an HTTP answer, on a step or on a run, carries one of these codes. The list is
\`src/contracts/failure-codes.ts\`; these pages are made from it by \`npm run pages\`.

| code | meaning | category | retryable |
|---|---|---|---|
${codes
  .map(
    ([code, entry]) =>
      `| [${code}](${code}.md) | ${entry.title} | ${entry.category} | ${entry.retryable ? 'yes' : 'no'} |`,
  )
  .join('\n')}
`;

const environmentExample = (): string =>
  `# The settings of AOS. All are optional; copy what you need to your environment.\n\n${Object.entries(
    SETTINGS,
  )
    .map(([name, purpose]) => `# ${purpose}\n# ${name}=\n`)
    .join('\n')}`;
