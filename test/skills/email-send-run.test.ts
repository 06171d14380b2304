import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { EMAIL_RECIPIENTS_MAX } from '../../src/contracts/limits.ts';
import { SkillView } from '../../src/contracts/skill.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { reply, startMailServer, startScriptedMailServer } from '../support/mail-server.ts';
import type { MailServer, ScriptedMailServer } from '../support/mail-server.ts';

const emailTo = ({ port }: { port: number }) =>
  readConfig({ SMTP_URL: `smtp://127.0.0.1:${port}`, AOS_EMAIL_FROM: 'alerts@example.org' }).email;
const mailStep = (params: object) => ({
  id: 'mail',
  skill: 'email_send',
  params: { to: 'jane@example.com', subject: 'Hello', body: 'Hi Jane.', ...params },
  retry: { backoff_ms: 20 },
});

describe('a run that sends e-mail', () => {
  let server: MailServer;
  let aos: Harness;
  beforeAll(async () => {
    server = await startMailServer({
      judgeMessage: (n) => (n === 1 ? reply(451, '4.7.1 Greylisted, come back') : undefined),
    });
    aos = await startHarness({ email: emailTo(server) });
  });
  afterAll(async () => {
    await aos.stop();
    await server.stop();
  });

  test('comes back to a greylisting server, with the same message', async () => {
    const run = await aos.run([
      {
        id: 'who',
        skill: 'json_transform',
        params: { data: 'Jane <jane@example.com>', query: '.' },
      },
      mailStep({ to: '{{steps.who.output}}' }),
    ]);
    expect(run.status).toBe('succeeded');
    const messageId = `<${run.run_id}.mail.1@example.org>`;
    const step = await aos.step(run.run_id, 'mail');
    expect(step).toMatchObject({
      status: 'succeeded',
      output: {
        message_id: messageId,
        from: 'alerts@example.org',
        accepted: ['jane@example.com'],
        rejected: [],
      },
      tries: 2,
      try_list: [
        { status: 'failed', failure: { code: 'EMAIL_DEFERRED', upstream_status: 451 } },
        { status: 'succeeded' },
      ],
    });
    expect(server.turnedAway.map(({ mail }) => mail.messageId)).toEqual([messageId]);
    expect(server.received.map(({ mail }) => mail.messageId)).toEqual([messageId]);
    expect(server.received[0]!.to).toEqual(['jane@example.com']);
  });

  test.each([
    [
      'recipients',
      { to: Array.from({ length: 1000 }, (_, n) => `u${n}@x.org`) },
      '/to',
      `more than ${EMAIL_RECIPIENTS_MAX} addresses`,
    ],
    ['a subject of two lines', { subject: 'a\r\nBcc: b@x.org' }, '/subject', 'line break'],
    ['no address', { cc: ['jane'] }, '/cc', '"jane" is no e-mail address'],
  ])('is refused at submit with %s', async (_what, params, pointer, message) => {
    const before = server.connections();
    const plan = [mailStep(params)];
    const { status, body } = await aos.request<Failure>('/api/v1/runs', { json: { plan } });
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      {
        pointer: `/plan/0/params${pointer}`,
        code: 'PARAMS_INVALID',
        message: expect.stringContaining(message),
      },
    ]);
    expect(server.connections()).toBe(before);
  });

  test('fails when what flows in is no address', async () => {
    const before = server.connections();
    const run = await aos.run([mailStep({ bcc: ['{{input.who}}'] })], {
      input: { who: 'a@x.org\r\nBcc: evil@x.org' },
    });
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'PARAMS_INVALID' } });
    expect(server.connections()).toBe(before);
  });

  test('shows that the skill is there', async () => {
    const { body } = await aos.request<SkillView>('/api/v1/runtime/skills/email_send');
    expect(SkillView.parse(body)).toMatchObject({
      available: true,
      side_effects: 'outside',
      idempotent: 'depends',
      retry: { max_attempts: 3 },
      cost_model: { per: 'none' },
      constraints: { recipients_max: EMAIL_RECIPIENTS_MAX },
    });
    expect(body.availability).toBeUndefined();
    expect(Object.keys((body.input_schema as { properties: object }).properties)).toContain('bcc');
  });
});

test('a message of which nobody knows whether it was taken is not sent again', async () => {
  const server: ScriptedMailServer = await startScriptedMailServer({ CONTENT: 'drop' });
  const aos = await startHarness({ email: emailTo(server) });
  const run = await aos.run([mailStep({})]);
  expect(run).toMatchObject({ status: 'failed', failure: { code: 'EFFECT_UNKNOWN' } });
  expect(await aos.step(run.run_id, 'mail')).toMatchObject({ status: 'failed', tries: 1 });
  expect(server.connections()).toBe(1);
  await aos.stop();
  await server.stop();
});

test('without a mail server the skill says what it lacks', async () => {
  const aos = await startHarness({ worker: false, reconciler: false });
  const { body } = await aos.request<SkillView>('/api/v1/runtime/skills/email_send');
  expect(SkillView.parse(body)).toMatchObject({
    available: false,
    availability: { fix: expect.stringContaining('SMTP_URL') },
  });
  await aos.stop();
});
