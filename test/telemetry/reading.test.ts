import { describe, expect, test } from '@jest/globals';
import { createReading } from '../../src/telemetry/reading.ts';
import type { ReadingOptions } from '../../src/telemetry/reading.ts';

const create = (options: Partial<ReadingOptions<number>> & { take: () => Promise<number> }) =>
  createReading({
    freshMs: 60_000,
    waitMs: 10_000,
    keepsOld: false,
    onError: () => {},
    ...options,
  });

/** A source that answers when it is told to. */
function createSource() {
  const asked: { answer: (value: number) => void; fail: (error: Error) => void }[] = [];
  const take = () =>
    new Promise<number>((answer, fail) => {
      asked.push({ answer, fail });
    });
  return { asked, take };
}

describe('a reading', () => {
  test('is taken once for all who ask at a time, and again only when it is old', async () => {
    let taken = 0;
    const source = createSource();
    const read = create({
      take: () => {
        taken += 1;
        return source.take();
      },
    });
    const answers = [read(), read()];
    source.asked[0]!.answer(7);
    expect(await Promise.all([...answers, read()])).toEqual([7, 7, 7]);
    expect(await read()).toBe(7);
    expect(taken).toBe(1);

    const eager = create({ take: () => Promise.resolve((taken += 1)), freshMs: 0 });
    expect([await eager(), await eager()]).toEqual([2, 3]);
  });

  test('that fails is nothing, is told once, and is not asked for again at once', async () => {
    const errors: unknown[] = [];
    const source = createSource();
    const read = create({ take: source.take, onError: (error) => errors.push(error) });
    const answer = read();
    source.asked[0]!.fail(new Error('away'));
    expect(await answer).toBeUndefined();
    expect(await read()).toBeUndefined();
    expect(source.asked).toHaveLength(1);
    expect(errors).toEqual([new Error('away')]);
  });

  test('keeps nobody waiting: who asked too early goes without, later ones have it', async () => {
    const source = createSource();
    const read = create({ take: source.take, waitMs: 10 });
    expect(await read()).toBeUndefined();
    expect(await read()).toBeUndefined();
    expect(source.asked).toHaveLength(1);
    source.asked[0]!.answer(7);
    expect(await read()).toBe(7);
  });

  test('that may be old is the answer while a new one is slow or fails', async () => {
    const source = createSource();
    const read = create({ take: source.take, waitMs: 10, freshMs: 0, keepsOld: true });
    const first = read();
    source.asked[0]!.answer(7);
    expect(await first).toBe(7);
    expect(await read()).toBe(7);
    source.asked[1]!.fail(new Error('away'));
    expect(await read()).toBe(7);
  });
});
