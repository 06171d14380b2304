import type { LedgerAudit, RecordedState } from '../storage/gauges.ts';
import type { Metrics } from './instruments.ts';
import type { Reading } from './reading.ts';

/** What a scrape shows beside what this process has counted. */
export interface ScrapeSources {
  state: Reading<RecordedState>;
  /** Of the process that audits the ledger. */
  audit?: Reading<LedgerAudit>;
  /** Temporal's own metrics as text, in the process that has them. */
  temporal?: Reading<string>;
}

/** Makes the text of `/metrics`. What cannot be had is left out and counted; the rest is shown all the same. */
export const createScrape =
  (metrics: Metrics, { state, audit, temporal }: ScrapeSources) =>
  async (): Promise<string> => {
    const [currentState, lastAudit, temporalText] = await Promise.all([
      state(),
      audit?.(),
      temporal?.(),
    ]);
    if (currentState === undefined) metrics.scrapeFailed('postgres');
    if (audit && lastAudit === undefined) metrics.scrapeFailed('ledger');
    if (temporal && temporalText === undefined) metrics.scrapeFailed('temporal');
    metrics.showState(currentState);
    metrics.showAudit(lastAudit);
    const own = await metrics.register.metrics();
    return temporalText === undefined ? own : `${own}\n${temporalText.trimEnd()}\n`;
  };
