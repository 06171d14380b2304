import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isRunning } from '../../src/embedded/running-process.ts';
import { MODEL_START_MS_MAX, startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer({ apiKey: 'sk-of-the-test' });
}, MODEL_START_MS_MAX);
afterAll(() => server?.stop());

const complete = (body: object, key = 'sk-of-the-test') =>
  fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'smollm2',
      temperature: 0,
      messages: [{ role: 'user', content: 'Hello!' }],
      ...body,
    }),
  });

test('the server answers as OpenAI does, with usage', async () => {
  const response = await complete({ max_tokens: 8 });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    model: 'smollm2',
    choices: [{ message: { role: 'assistant', content: expect.any(String) } }],
    usage: { prompt_tokens: expect.any(Number), completion_tokens: 8 },
  });
});

test('the server streams, with usage at the end', async () => {
  const response = await complete({
    max_tokens: 8,
    stream: true,
    stream_options: { include_usage: true },
  });
  const events = (await response.text()).trim().split('\n\n');
  expect(events.at(-1)).toBe('data: [DONE]');
  expect(JSON.parse(events.at(-2)!.slice('data: '.length))).toMatchObject({
    usage: { completion_tokens: 8 },
  });
});

test('the server refuses a wrong key', async () => {
  expect((await complete({}, 'sk-wrong')).status).toBe(401);
});

test('the server ends when it is stopped', async () => {
  const other = await startModelServer();
  expect(await isRunning(other.pid, 'model-server.py')).toBe(true);
  await other.stop();
  await other.exited;
  expect(await isRunning(other.pid, 'model-server.py')).toBe(false);
  await expect(fetch(new URL('/health', other.url))).rejects.toThrow('fetch failed');
});
