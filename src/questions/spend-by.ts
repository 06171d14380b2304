import { z } from 'zod';
import { LABEL_LENGTH_MAX, QUERY_MS_MAX, SPEND_GROUPS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { SpendBy } from '../contracts/run-questions.ts';
import { Moment } from '../contracts/run-query.ts';
import { text } from '../contracts/text.ts';
import { withinTime } from '../query/within-time.ts';
import { sumSpending } from '../storage/spending.ts';
import type { SpendingAsked } from '../storage/spending.ts';
import type { Question } from './question.ts';

const LABEL = 'label:';

const Params = z.object({
  group_by: text(LABEL.length + LABEL_LENGTH_MAX)
    .regex(
      /^(?:agent|skill|day|run|key|label:[^]+)$/,
      'must be one of agent, skill, day, run, key, or label:NAME',
    )
    .default('skill'),
  since: Moment.optional(),
  until: Moment.optional(),
});

/** What was spent, by agent, skill, day, run, key or a label: a step's cost counts for its own skill. */
export const spendBy: Question<typeof Params> = {
  params: Params,
  isLong: true,
  async answer({ pool }, { key, runs, warnings }, { group_by, since, until }) {
    const asked: SpendingAsked = {
      ...groupOf(group_by),
      since: since ?? null,
      until: until ?? null,
      limit: SPEND_GROUPS_MAX + 1,
    };
    const found =
      runs &&
      (await withinTime(narrowing(asked), () =>
        sumSpending(pool, key.tenant_id, runs, asked, QUERY_MS_MAX),
      ));
    const groups = found?.groups ?? [];
    const result: z.infer<typeof SpendBy> = {
      group_by,
      since: since?.toISOString() ?? null,
      until: until?.toISOString() ?? null,
      total_cents: centsFromMicroCents(found?.totalMicroCents ?? 0),
      groups: groups.slice(0, SPEND_GROUPS_MAX).map((each) => ({
        group: each.group,
        spent_cents: centsFromMicroCents(each.spentMicroCents),
        runs: each.runs,
      })),
      has_more: groups.length > SPEND_GROUPS_MAX,
      warnings,
    };
    return result;
  },
};

const groupOf = (word: string): Pick<SpendingAsked, 'by' | 'label'> =>
  word.startsWith(LABEL)
    ? { by: 'label', label: word.slice(LABEL.length) }
    : { by: word as SpendingAsked['by'] };

const narrowing = ({ since, until }: SpendingAsked): string[] => [
  since === null || until === null
    ? 'Name a range of time: params.since and params.until.'
    : 'Name a shorter range of time in params.since and params.until.',
  'Ask about one agent, with agent_id.',
];
