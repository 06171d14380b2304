import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { LogLevel } from '../../src/telemetry/logger.ts';

function createLog(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const logger = createLogger(level, 'test', { write: (line) => lines.push(line) });
  return { logger, lines, read: () => lines.map((line) => JSON.parse(line) as unknown) };
}

describe('the log', () => {
  test('is a line of JSON for each event, from its level on', () => {
    const { logger, lines, read } = createLog('info');
    logger.debug('not.told');
    logger.info('run.ended', { run_id: 'run_1', code: undefined });
    logger.warn('odd', { text: 'two\nlines' });
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
    expect(read()).toMatchObject([
      { level: 30, service: 'test', event: 'run.ended', run_id: 'run_1', time: expect.any(Number) },
      { level: 40, event: 'odd', text: 'two\nlines' },
    ]);
  });

  test('tells of an error what it was and where, and nothing that hangs on it', () => {
    const { logger, lines, read } = createLog();
    const cause = Object.assign(new Error('the socket broke'), { config: { auth: 'hunter2' } });
    const error = Object.assign(new TypeError('the call broke', { cause }), {
      code: 'ECONNRESET',
      request: { headers: { authorization: 'hunter2' } },
      detail: 'Key (secret)=(hunter2) already exists.',
    });
    logger.error('call.failed', error, { run_id: 'run_1' });
    expect(lines.join('')).not.toContain('hunter2');
    expect(read()).toMatchObject([
      {
        event: 'call.failed',
        run_id: 'run_1',
        err: {
          type: 'TypeError',
          message: 'the call broke',
          code: 'ECONNRESET',
          stack: expect.stringContaining('logger.test'),
          cause: { type: 'Error', message: 'the socket broke' },
        },
      },
    ]);
  });

  test('tells of what is no error its text, or else only what kind of thing it was', () => {
    const { logger, read } = createLog();
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const loop = new Error('loop');
    loop.cause = loop;
    for (const thrown of ['a text', { password: 'hunter2' }, null, circle, loop])
      logger.error('odd', thrown);
    expect(read()).toMatchObject([
      { err: 'a text' },
      { err: 'object' },
      { err: 'object' },
      { err: 'object' },
      { err: { message: 'loop' } },
    ]);
  });
});
