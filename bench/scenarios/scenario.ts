import type { Recorder } from '../profile/recorder.ts';
import type { World } from '../world/world.ts';

/** What every scenario is given. */
export interface Bench {
  world: World;
  recorder: Recorder;
  rounds: number;
  /** Short series: to look, not to quote. */
  isQuick: boolean;
  onProgress: (text: string) => void;
}

/** A bound on a figure, and the figure. */
export interface Aim {
  what: string;
  value: number;
  min?: number;
  max?: number;
}

export interface ScenarioReport {
  text: string;
  aims: Aim[];
  /** All that was measured, for `--json`. */
  figures: unknown;
}

export const isMet = ({ value, min, max }: Aim): boolean =>
  (min === undefined || value >= min) && (max === undefined || value <= max);
