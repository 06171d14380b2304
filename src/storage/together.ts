interface Waiting<Ask, Answer> {
  ask: Ask;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/**
 * Asks in one call what is asked in one turn of the event loop, so that requests that come together share a statement.
 * It is sent after each of them has asked: none sees what was read before.
 */
export function gather<Ask, Answer>(
  asksMax: number,
  answer: (asks: readonly Ask[]) => Promise<readonly Answer[]>,
): (ask: Ask) => Promise<Answer> {
  const waiting: Waiting<Ask, Answer>[] = [];

  async function send(batch: readonly Waiting<Ask, Answer>[]): Promise<void> {
    try {
      const answers = await answer(batch.map(({ ask }) => ask));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  function sendAll(): void {
    while (waiting.length > 0) void send(waiting.splice(0, asksMax));
  }

  return (ask) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(sendAll);
      waiting.push({ ask, resolve, reject });
    });
}

/** The same for asks that are alike, by their names: those of one turn get the one answer. */
export function share<Ask, Answer>(
  nameOf: (ask: Ask) => string,
  answer: (ask: Ask) => Promise<Answer>,
): (ask: Ask) => Promise<Answer> {
  const open = new Map<string, Promise<Answer>>();
  return (ask) => {
    const name = nameOf(ask);
    const known = open.get(name);
    if (known) return known;
    const shared = new Promise((resolve) => setImmediate(resolve)).then(() => {
      open.delete(name);
      return answer(ask);
    });
    open.set(name, shared);
    return shared;
  };
}
