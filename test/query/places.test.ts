import { expect, test } from '@jest/globals';
import { createPlaces } from '../../src/query/places.ts';

/** Work that ends when it is told to. */
function createWork() {
  const started: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      started.push(name);
      ends.set(name, (error) => (error ? reject(error) : resolve(name)));
    });
  return { started, work, end: (name: string, error?: Error) => ends.get(name)!(error) };
}

/** All that is ready to go on has gone on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const MANY = { atOnce: 100, waiting: 100 };

test('so many are let in at once, the others in their order, and no more than so many wait', async () => {
  const { started, work, end } = createWork();
  const places = createPlaces({ atOnce: 2, waiting: 2 }, MANY);
  const taken = ['a', 'b', 'c', 'd'].map((name) => places.take('a', work(name)));
  await expect(places.take('a', work('e'))).rejects.toMatchObject({
    failure: { code: 'SERVICE_UNAVAILABLE', retry_after_ms: expect.any(Number) },
  });
  await settle();
  expect(started).toEqual(['a', 'b']);
  end('b', new Error('failed'));
  await expect(taken[1]).rejects.toThrow('failed');
  await settle();
  expect(started).toEqual(['a', 'b', 'c']);
  end('a');
  await taken[0];
  await settle();
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  for (const name of ['c', 'd']) end(name);
  expect(await Promise.all(taken.slice(2))).toEqual(['c', 'd']);
  const again = places.take('a', work('f'));
  await settle();
  end('f');
  expect(await again).toBe('f');
});

test('who is gone at its turn is passed over', async () => {
  const { started, work, end } = createWork();
  const places = createPlaces({ atOnce: 1, waiting: 2 }, MANY);
  let isGone = false;
  const first = places.take('a', work('a'));
  const second = places.take('a', work('b'), () => isGone);
  const third = places.take('a', work('c'));
  isGone = true;
  end('a');
  await first;
  await expect(second).rejects.toMatchObject({ failure: { code: 'SERVICE_UNAVAILABLE' } });
  await settle();
  expect(started).toEqual(['a', 'c']);
  end('c');
  expect(await third).toBe('c');
});

test('a tenant that has taken its own keeps nobody else out', async () => {
  const { started, work, end } = createWork();
  const places = createPlaces({ atOnce: 2, waiting: 4 }, { atOnce: 1, waiting: 1 });
  const first = places.take('a', work('a1'));
  const second = places.take('a', work('a2'));
  await expect(places.take('a', work('a3'))).rejects.toMatchObject({
    failure: { code: 'SERVICE_UNAVAILABLE' },
  });
  const other = places.take('b', work('b1'));
  await settle();
  expect(started).toEqual(['a1', 'b1']);
  end('a1');
  await first;
  await settle();
  expect(started).toEqual(['a1', 'b1', 'a2']);
  for (const name of ['a2', 'b1']) end(name);
  expect(await Promise.all([second, other])).toEqual(['a2', 'b1']);
});
