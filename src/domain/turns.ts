/** Lets so many do something at once; the others wait for their turn, first come first served. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(atOnceMax: number): InTurn {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running === atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // A place that is handed on stays taken.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
