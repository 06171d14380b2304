import type { SkillUsage } from '../../contracts/skill.ts';

/** What one call of the skill costs, over all of its requests. */
export interface Bill {
  /**
   * Opens an item for a request that costs `worstMicroCents` at most; the answer puts its real cost there. Left open, it
   * is presumed to have cost the worst if the provider may charge for it, else nothing.
   */
  open(worstMicroCents: number, mayBeCharged: () => boolean): (microCents: number) => void;
  /** The bill at this moment; it can be asked at any, also when the call was stopped in the middle. */
  usage(): SkillUsage;
}

/** Opens a bill. */
export function openBill(): Bill {
  const items: { worst: number; mayBeCharged: () => boolean; actual?: number }[] = [];
  return {
    open(worst, mayBeCharged) {
      const item: (typeof items)[number] = { worst, mayBeCharged };
      items.push(item);
      return (microCents) => {
        item.actual = microCents;
      };
    },
    usage() {
      const presumed = items.filter((item) => item.actual === undefined && item.mayBeCharged());
      const actual = items.reduce((sum, item) => sum + (item.actual ?? 0), 0);
      return {
        cost_micro_cents: presumed.reduce((sum, item) => sum + item.worst, actual),
        ...(presumed.length > 0 && { presumed: true }),
      };
    },
  };
}
