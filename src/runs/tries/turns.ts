/** Lets the work of one run go in turns, so that what waits for its row takes no connection from other runs. */
export interface Turns {
  take<T>(runId: string, work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const lastOf = new Map<string, Promise<unknown>>();
  return {
    take(runId, work) {
      const before = lastOf.get(runId);
      const turn = before === undefined ? work() : before.then(work, work);
      const last = turn.catch(() => {});
      lastOf.set(runId, last);
      void last.then(() => {
        if (lastOf.get(runId) === last) lastOf.delete(runId);
      });
      return turn;
    },
  };
}
