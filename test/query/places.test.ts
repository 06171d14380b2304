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

test('so many are let in at once, the others in their order, and no more than so many wait', async () => {
  const { started, work, end } = createWork();
  const places = createPlaces(2, 2);
  const taken = ['a', 'b', 'c', 'd'].map((name) => places.take(work(name)));
  await expect(places.take(work('e'))).rejects.toMatchObject({
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
  const again = places.take(work('f'));
  await settle();
  end('f');
  expect(await again).toBe('f');
});

test('who is gone at its turn is passed over', async () => {
  const { started, work, end } = createWork();
  const places = createPlaces(1, 2);
  let isGone = false;
  const first = places.take(work('a'));
  const second = places.take(work('b'), () => isGone);
  const third = places.take(work('c'));
  isGone = true;
  end('a');
  await first;
  await expect(second).rejects.toMatchObject({ failure: { code: 'SERVICE_UNAVAILABLE' } });
  await settle();
  expect(started).toEqual(['a', 'c']);
  end('c');
  expect(await third).toBe('c');
});
