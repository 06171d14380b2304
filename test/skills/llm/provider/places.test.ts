import { describe, expect, test } from '@jest/globals';
import { AosError } from '../../../../src/contracts/failures.ts';
import { createPlaces } from '../../../../src/skills/llm/provider/places.ts';

const LONG_MS = 60_000;
const callOf = (signal = new AbortController().signal, timeoutMs = LONG_MS) => ({
  signal,
  timeoutMs,
});
const codeOf = (error: unknown): string =>
  error instanceof AosError ? error.failure.code : String(error);
const refusal = (taking: Promise<unknown>): Promise<string> => taking.then(() => 'taken', codeOf);

describe('the places at a provider', () => {
  test('are so many, and the next call has one when one is given back, in order', async () => {
    const places = createPlaces(2);
    const leave = await places.take('a', callOf());
    await places.take('a', callOf());
    const order: string[] = [];
    const third = places.take('a', callOf()).then((leaveThird) => {
      order.push('third');
      return leaveThird;
    });
    const fourth = places.take('a', callOf()).then(() => order.push('fourth'));
    // Another provider's places are its own.
    await places.take('b', callOf());
    expect(order).toEqual([]);
    leave();
    const leaveThird = await third;
    expect(order).toEqual(['third']);
    leaveThird();
    await fourth;
    expect(order).toEqual(['third', 'fourth']);
  });

  test('that are given back twice count once', async () => {
    const places = createPlaces(1, 50);
    const leave = await places.take('a', callOf());
    leave();
    leave();
    await places.take('a', callOf());
    expect(await refusal(places.take('a', callOf()))).toBe('PROVIDER_RATE_LIMITED');
  });

  test('are waited for no longer than the bound, and no longer than the call has', async () => {
    const patient = createPlaces(1);
    await patient.take('a', callOf());
    const own = await patient.take('a', callOf(undefined, 20)).catch((error: unknown) => error);
    expect(own).toMatchObject({
      failure: { code: 'PROVIDER_RATE_LIMITED', retryable: true, retry_after_ms: 1000 },
    });
    const impatient = createPlaces(1, 20);
    await impatient.take('a', callOf());
    expect(await refusal(impatient.take('a', callOf()))).toBe('PROVIDER_RATE_LIMITED');
  });

  test('are not kept for a call that was cancelled while it waited', async () => {
    const places = createPlaces(1);
    const leave = await places.take('a', callOf());
    const controller = new AbortController();
    const waiting = refusal(places.take('a', callOf(controller.signal)));
    controller.abort();
    expect(await waiting).toBe('CANCELLED');
    expect(await refusal(places.take('a', callOf(controller.signal)))).toBe('CANCELLED');
    leave();
    expect(await refusal(places.take('a', callOf()))).toBe('taken');
  });

  test('count the end of the call’s time as a limit, and not as a cancel', async () => {
    const places = createPlaces(1);
    await places.take('a', callOf());
    expect(await refusal(places.take('a', callOf(AbortSignal.timeout(20))))).toBe(
      'PROVIDER_RATE_LIMITED',
    );
  });
});
