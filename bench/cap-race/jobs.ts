/** What a racer is asked to do, all of it at once. */
export interface Job {
  /**
   * Holds by the ledger's operation in a transaction of its own, by its statement alone, or by one plain guarded UPDATE;
   * alone, or each followed by its settle.
   */
  kind: 'ledger' | 'statement' | 'update';
  isSettled: boolean;
  accountId: string;
  count: number;
  amountMicroCents: number;
}

export interface JobResult {
  admitted: number;
  /** Of each decision, from the start of the race. */
  latenciesMs: number[];
}
