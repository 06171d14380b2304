import type { PlanTransactions, TransactionCounts } from '../scenarios/transactions.ts';
import type { Aim, ScenarioReport } from '../scenarios/scenario.ts';
import { describeAim } from './aims.ts';
import { formatNumber, formatTable } from './table.ts';

const WRITING_PER_EFFECTFUL_STEP_MAX = 2;
const WRITING_PER_INLINE_RUN_MAX = 3;
/** A notification or two of a series may fall together with another run's. */
const SLACK = 0.05;

/** Takes a plan of 10 inline steps, one of 1 call and one of 10 calls, in this order. */
export function reportTransactions(
  measured: readonly PlanTransactions[],
  restReadsPerSecond: number,
): ScenarioReport {
  const [inline, oneCall, tenCalls] = measured.map(({ perRun }) => perRun) as [
    TransactionCounts,
    TransactionCounts,
    TransactionCounts,
  ];
  const perStep = {
    wrote: (tenCalls.wrote - oneCall.wrote) / 9,
    notified: (tenCalls.notified - oneCall.notified) / 9,
    onlyRead: (tenCalls.onlyRead - oneCall.onlyRead) / 9,
  };
  const aims: Aim[] = [
    {
      what: 'writing transactions per inline run',
      value: inline.wrote,
      max: WRITING_PER_INLINE_RUN_MAX + SLACK,
    },
    {
      what: 'writing transactions per effectful step',
      value: perStep.wrote,
      max: WRITING_PER_EFFECTFUL_STEP_MAX + SLACK,
    },
  ];
  const row = (
    name: string,
    { wrote, notified, onlyRead }: TransactionCounts,
    aim = '',
  ): string[] => [
    name,
    ...[wrote, notified, onlyRead, wrote + notified + onlyRead].map(formatNumber),
    aim,
  ];
  const table = formatTable([
    ['transactions', 'wrote', 'notified', 'only read', 'all', 'aim (wrote)'],
    row(`a run of ${measured[0]!.plan}`, inline, describeAim(aims[0]!)),
    row(`a run of ${measured[1]!.plan}`, oneCall),
    row(`a run of ${measured[2]!.plan}`, tenCalls),
    row('an http_call step more', perStep, describeAim(aims[1]!)),
  ]);
  const text =
    `Transactions in Postgres, from submit to the client's last read, 50 runs in flight; the ` +
    `${formatNumber(restReadsPerSecond)} reads a second without any run are taken off\n${table}`;
  return { text, aims, figures: { measured, perStep, restReadsPerSecond } };
}
