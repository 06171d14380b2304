import { expect, test } from '@jest/globals';
import { gather, share } from '../../src/storage/together.ts';

const doubled = (asksMax: number) => {
  const calls: number[][] = [];
  const ask = gather(asksMax, async (asks: readonly number[]) => {
    calls.push([...asks]);
    if (asks.includes(0)) throw new Error('no 0');
    return asks.map((each) => each * 2);
  });
  return { calls, ask };
};

test('what is asked in one turn goes in one call, and each gets the answer to what it asked', async () => {
  const { calls, ask } = doubled(10);
  expect(await Promise.all([1, 2, 2].map(ask))).toEqual([2, 4, 4]);
  expect(await ask(3)).toBe(6);
  expect(calls).toEqual([[1, 2, 2], [3]]);
});

test('a call that is under way answers nobody who asks after it', async () => {
  const { calls, ask } = doubled(10);
  const first = ask(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toEqual([[1]]);
  await Promise.all([first, ask(1)]);
  expect(calls).toEqual([[1], [1]]);
});

test('more than fit into a call go in several, and a failure is that of its own call', async () => {
  const { calls, ask } = doubled(2);
  const answers = await Promise.allSettled([1, 0, 2, 3, 4].map(ask));
  expect(answers.map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(calls).toEqual([[1, 0], [2, 3], [4]]);
});

test('those that ask alike in one turn share an answer, and those of the next turn do not', async () => {
  const calls: string[] = [];
  const ask = share(
    (each: { name: string }) => each.name,
    async ({ name }) => {
      calls.push(name);
      if (name === 'bad') throw new Error('no');
      return calls.length;
    },
  );
  const names = ['a', 'b', 'a', 'bad'];
  const answers = await Promise.allSettled(names.map((name) => ask({ name })));
  expect(answers.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
  ]);
  expect(calls).toEqual(['a', 'b', 'bad']);
  expect(await ask({ name: 'a' })).toBe(4);
});

test('a shared answer that is under way answers nobody who asks after it', async () => {
  const calls: (() => void)[] = [];
  const ask = share(String, () => new Promise<void>((resolve) => calls.push(resolve)));
  const first = ask('a');
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toHaveLength(1);
  const second = ask('a');
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toHaveLength(2);
  for (const resolve of calls) resolve();
  await Promise.all([first, second]);
});
