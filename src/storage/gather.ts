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
