import { TransactionView } from '../../contracts/ledger.ts';
import { boolean, cents, id, labels, number, oneOf, string, time } from './field.ts';
import type { Source } from './source.ts';

const { kind, basis } = TransactionView.shape;
const LEVEL = `CASE WHEN starts_with(x.account_id, 'tenant/') THEN 'tenant'
  WHEN starts_with(x.account_id, 'agent/') THEN 'agent' WHEN starts_with(x.account_id, 'key/') THEN 'key' ELSE 'run' END`;

export const TRANSACTIONS: Source = {
  description:
    'Entries of the ledger, newest first. A cost stands on the account of its run and, once that has closed, in those above ' +
    'it; `is_cost` picks each once: the sum of `spent_cents` of these is what was spent.',
  from: `transactions x JOIN accounts a ON a.id = x.account_id AND a.tenant_id = $1
    LEFT JOIN runs r ON r.id = x.run_id AND r.tenant_id = $1
    LEFT JOIN steps s ON s.run_id = r.id AND s.id = x.step_id`,
  where: 'a.tenant_id = $1',
  // A cost is of a run, whose tenant is that of the account too.
  narrower: [
    {
      field: 'is_cost',
      value: true,
      from: `runs r JOIN transactions x ON x.run_id = r.id LEFT JOIN steps s ON s.run_id = r.id AND s.id = x.step_id`,
      where: 'r.tenant_id = $1',
    },
  ],
  agent: 'r.agent_id',
  key: [{ sql: 'x.id', type: 'whole' }],
  order: ['id'],
  fields: {
    id: number('x.id', 'Grows with each entry.', { isIndexed: true, isId: true }),
    account_id: id('x.account_id', 'The account that it changed.', { isIndexed: true }),
    level: oneOf(LEVEL, ['run', 'agent', 'key', 'tenant'], 'Whose account that is.'),
    kind: oneOf('x.kind', kind.options, 'What it did.'),
    basis: oneOf('x.basis', basis.options, 'What the amount rests on.'),
    is_cost: boolean(
      `(x.kind IN ('settle', 'adjust') AND (x.account_id IS NOT DISTINCT FROM r.account_id
        OR (x.kind = 'adjust' AND r.id IS NOT NULL AND x.account_id = 'tenant/' || $1::text)))`,
      'Whether it is a cost, each told once.',
    ),
    spent_cents: cents(
      '(x.settled_change_micro_cents + x.overage_change_micro_cents)',
      'What it spent: settled within the limit, or over it.',
    ),
    amount_cents: cents('x.amount_micro_cents', 'What it is about.'),
    reserved_change_cents: cents(
      'x.reserved_change_micro_cents',
      'Its effect on what is reserved.',
    ),
    settled_change_cents: cents('x.settled_change_micro_cents', 'Its effect on what is settled.'),
    overage_change_cents: cents('x.overage_change_micro_cents', 'Its effect on what is over.'),
    hold_id: string('x.hold_id', 'The hold that it placed or ended.', { nullable: true }),
    run_id: id('r.id', 'The run that it is of.', { nullable: true, isIndexed: true }),
    execution: number('x.execution', 'The execution of the run.', { nullable: true }),
    step_id: string('x.step_id', 'The step that it is of.', { nullable: true }),
    try: number('x.try', 'The try of the step.', { nullable: true }),
    skill: string('s.skill', 'The skill of the step.', { nullable: true }),
    agent_id: string('r.agent_id', 'The agent that the run is of.', {
      nullable: true,
      isIndexed: true,
    }),
    key_id: id('r.key_id', 'The key that submitted the run.', { nullable: true }),
    labels: labels('r.labels', { nullable: true, isExtra: true }),
    actor: string('x.actor', 'Who made it.'),
    at: time('x.at', 'When it was made.', { isIndexed: true }),
  },
};
