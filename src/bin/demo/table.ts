import type { RunLedger } from '../../contracts/ledger.ts';
import type { Run } from '../../contracts/run.ts';

/** Prints the steps of a run with what was held and settled for each, and its account. */
export function printTable(run: Run, { account, transactions }: RunLedger): void {
  const sum = (stepId: string, kind: string): string =>
    transactions
      .filter((entry) => entry.step_id === stepId && entry.kind === kind)
      .reduce((total, entry) => total + entry.amount_cents, 0)
      .toFixed(3);
  const rows = (run.steps ?? []).map((step) => [
    step.id,
    step.skill,
    step.status,
    String(step.tries),
    `${step.duration_ms ?? 0} ms`,
    `${step.cost_cents.toFixed(3)} ¢`,
    `${sum(step.id, 'hold')} ¢`,
    `${sum(step.id, 'settle')} ¢`,
  ]);
  const table = [['step', 'skill', 'status', 'tries', 'time', 'cost', 'held', 'settled'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  console.log('');
  for (const row of table)
    console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`);
  const { limit_cents, settled_cents, reserved_cents } = account;
  console.log(
    `\n  budget ${limit_cents} ¢, settled ${settled_cents} ¢, still reserved ${reserved_cents} ¢`,
  );
}
