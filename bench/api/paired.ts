import { spreadOf } from '../measure/statistics.ts';
import type { Spread } from '../measure/statistics.ts';
import { fire } from './fire.ts';
import type { Series, Target } from './fire.ts';

/** One route against what it is set against, measured in turns. */
export interface Pairing {
  name: string;
  target: Target;
  against: Target;
  /** What the ratio of requests per second is to be at least. */
  ratioMin?: number;
}

export interface PairedRound {
  target: Series;
  against: Series;
}

/** Until what a request runs through has been compiled. */
const WARM_UP_SECONDS = 4;

/** Of the rounds' own ratios, so that what else the machine does weighs on both sides. */
export const ratioOf = (
  rounds: readonly PairedRound[],
  figure: keyof Series = 'requestsPerSecond',
): Spread => spreadOf(rounds.map(({ target, against }) => target[figure] / against[figure]));

/** Rounds of both sides; they take turns in who comes first. */
export async function measurePairing(
  { target, against }: Pairing,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<PairedRound[]> {
  for (const each of [target, against]) await fire(each, WARM_UP_SECONDS);
  const measured: PairedRound[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const first = await fire(against, seconds);
      measured.push({ against: first, target: await fire(target, seconds) });
    } else {
      const first = await fire(target, seconds);
      measured.push({ target: first, against: await fire(against, seconds) });
    }
  }
  return measured;
}
