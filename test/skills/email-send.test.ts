import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import {
  EMAIL_BODY_BYTES_MAX,
  EMAIL_RECIPIENTS_MAX,
  EMAIL_SUBJECT_LENGTH_MAX,
} from '../../src/contracts/limits.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createEmailSend } from '../../src/skills/email-send.ts';
import type { Skill, SkillCall } from '../../src/skills/skill.ts';
import {
  listenTo,
  reply,
  selfMadeCertificate,
  startMailServer,
  startScriptedMailServer,
} from '../support/mail-server.ts';
import type { MailServer, Moment, Script } from '../support/mail-server.ts';

const PASSWORD = 'hunter2/+ü';
const LOGIN = `me:${encodeURIComponent(PASSWORD)}@`;
const credentials = { user: 'me', password: PASSWORD };
const FROM = 'Alerts <alerts@example.org>,*@corp.example';
const HEAD = { to: 'jane@example.com', subject: 'Hello' };
const MESSAGE = { ...HEAD, text: 'Hi Jane.' };
const MESSAGE_ID = '<run_0190.mail_1.1@example.org>';

const servers: { stop(): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));
async function remember<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  servers.push(server);
  return server;
}
const serve = (options: Parameters<typeof startMailServer>[0] = {}) =>
  remember(startMailServer(options));
const follow = (script: Script) => remember(startScriptedMailServer(script));

const skillOf = (url: string, to = '', from = FROM): Skill =>
  createEmailSend(readConfig({ SMTP_URL: url, AOS_EMAIL_FROM: from, AOS_EMAIL_TO: to }));
const skillFor = ({ port }: { port: number }): Skill => skillOf(`smtp://127.0.0.1:${port}`);

const call = (skill: Skill, params: JsonObject = MESSAGE, more: Partial<SkillCall> = {}) =>
  skill.call({
    params,
    tenantId: 'tenant_1',
    effectKey: 'run_0190/mail_1/1',
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    ...more,
  });

/** Sends a message that must arrive, and tells what arrived. */
async function send(
  server: MailServer,
  params: JsonObject = MESSAGE,
  more: Partial<SkillCall> = {},
  skill = skillFor(server),
) {
  const before = server.received.length;
  const result = await call(skill, params, more);
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  expect(server.received).toHaveLength(before + 1);
  return { output: result.output as JsonObject, ...server.received[before]! };
}

async function failureOf(result: Promise<SkillResult>) {
  const settled = await result;
  if (settled.ok) throw new Error('The call succeeded.');
  const { failure, usage } = settled;
  expect(usage).toEqual({ cost_micro_cents: 0 });
  expect(failure.message.length).toBeLessThan(600);
  return failure;
}

describe('a message', () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await serve();
  });

  test('arrives as text, from the first allowed sender', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { output, mail, from, to, raw } = await send(server);
    expect(output).toEqual({
      message_id: MESSAGE_ID,
      from: 'alerts@example.org',
      accepted: ['jane@example.com'],
      rejected: [],
      response: '250 queued as 1234',
      duration_ms: expect.any(Number),
    });
    expect(skillFor(server).contract.output.parse(output)).toEqual(output);
    expect({ from, to }).toEqual({ from: 'alerts@example.org', to: ['jane@example.com'] });
    expect(mail.from?.value).toEqual([{ name: 'Alerts', address: 'alerts@example.org' }]);
    expect(mail).toMatchObject({ messageId: MESSAGE_ID, subject: 'Hello', html: false });
    expect(mail.text?.trim()).toBe('Hi Jane.');
    expect(mail.date!.getTime()).toBeGreaterThanOrEqual(before);
    expect(mail.date!.getTime()).toBeLessThanOrEqual(Date.now());
    expect(raw).toMatch(/^Content-Type: text\/plain/m);
    expect(raw).not.toMatch(/^(Cc|Bcc|Reply-To|Sender|X-.*):/im);
  });

  test('may call its text `body`, as older clients do, or have none in it', async () => {
    expect((await send(server, { ...HEAD, body: 'Hi.' })).mail.text?.trim()).toBe('Hi.');
    const { mail } = await send(server, { ...HEAD, text: '' });
    expect(mail.text?.trim() ?? '').toBe('');
  });

  test('arrives as HTML, and no text is made up beside it', async () => {
    const { raw, mail } = await send(server, { ...HEAD, html: '<p>Hi <b>Jane</b>.</p>' });
    expect(mail.html).toContain('<b>Jane</b>');
    expect(raw).toMatch(/^Content-Type: text\/html/m);
    expect(raw).not.toMatch(/multipart|text\/plain/);
  });

  test('arrives as both, the text first', async () => {
    const { raw, mail } = await send(server, { ...MESSAGE, html: '<p>Hi <b>Jane</b>.</p>' });
    expect(mail).toMatchObject({ text: 'Hi Jane.', html: '<p>Hi <b>Jane</b>.</p>' });
    expect(raw).toMatch(/^Content-Type: multipart\/alternative/m);
    expect(raw.indexOf('text/plain')).toBeLessThan(raw.indexOf('text/html'));
  });

  test('goes to all recipients once, and names those of `bcc` nowhere', async () => {
    const { output, to, mail, raw } = await send(server, {
      ...MESSAGE,
      to: ['A <a@x.org>, b@x.org', '"C, c" <c@x.org>'],
      cc: 'd@x.org, A <a@x.org>',
      bcc: ['hidden@x.org'],
      reply_to: 'Answers <answers@y.org>',
    });
    expect(to).toEqual(['a@x.org', 'b@x.org', 'c@x.org', 'd@x.org', 'hidden@x.org']);
    expect(output['accepted']).toEqual(to);
    expect([mail.to, mail.cc].flat().map((list) => list?.text)).toEqual([
      '"A" <a@x.org>, b@x.org, "C, c" <c@x.org>',
      'd@x.org, "A" <a@x.org>',
    ]);
    expect(mail.replyTo?.text).toBe('"Answers" <answers@y.org>');
    expect(raw).not.toContain('hidden');
  });

  test('carries names and subjects of any script, in ASCII on the wire', async () => {
    const subject = `Zürich → 東京 ${'🚀'.repeat(40)}`;
    const to = 'Jürgen "Groß, 東" <j@bücher.example>';
    const wanted = '"Jürgen \\"Groß\\", 東" <j@bücher.example>';
    expect(await failureOf(call(skillFor(server), { ...MESSAGE, to }))).toMatchObject({
      code: 'PARAMS_INVALID',
    });
    const { mail, raw } = await send(server, { to: wanted, subject, text: 'naïve 🚀' });
    expect(mail.subject).toBe(subject);
    expect(mail.text?.trim()).toBe('naïve 🚀');
    expect([mail.to].flat()[0]?.value).toEqual([
      { name: 'Jürgen "Groß", 東', address: 'j@bücher.example' },
    ]);
    // oxlint-disable-next-line no-control-regex
    expect(raw).toMatch(/^[\x00-\x7f]*$/);
    expect(raw).toContain('<j@xn--bcher-kva.example>');
  });

  test('may come from any allowed sender, and its id then ends with that domain', async () => {
    const { output, from, mail } = await send(server, { ...MESSAGE, from: 'Bo <bo@Corp.example>' });
    expect(from).toBe('bo@corp.example');
    expect(mail.from?.value).toEqual([{ name: 'Bo', address: 'bo@corp.example' }]);
    expect(mail.messageId).toBe('<run_0190.mail_1.1@corp.example>');
    expect(output['message_id']).toBe(mail.messageId);
  });

  test.each([
    ['run_1/mail/2/compensate', 'run_1.mail.2.compensate'],
    ['a.b/c-d_e', 'a%2eb.c-d_e'],
    ['a b>\r\nBcc: x@y/ü', 'a%20b%3e%d%aBcc%3a%20x%40y.%fc'],
  ])('of the effect %j has the id %s', async (effectKey, id) => {
    const { mail } = await send(server, MESSAGE, { effectKey });
    expect(mail.messageId).toBe(`<${id}@example.org>`);
  });

  test('cannot end itself early, nor be taken for a file or a URL', async () => {
    const text = 'a\r\n.\r\nMAIL FROM:<evil@x.org>\n.\nb\r.\r..c';
    const { mail } = await send(server, { ...HEAD, text });
    expect(mail.text?.replaceAll(/\r\n|\r/g, '\n').trim()).toBe(
      'a\n.\nMAIL FROM:<evil@x.org>\n.\nb\n.\n..c',
    );
    for (const place of [
      'file:///etc/hostname',
      '/etc/hostname',
      `http://127.0.0.1:${server.port}`,
    ]) {
      const html = `<img src="${place}">`;
      const sent = await send(server, { ...HEAD, text: place, html });
      expect(sent.mail.text).toBe(place);
      expect(sent.mail.html).toBe(html);
      expect(sent.mail.attachments).toEqual([]);
    }
  });

  test('may be as large as its limits', async () => {
    const subject = 's'.repeat(EMAIL_SUBJECT_LENGTH_MAX);
    const [text, html] = ['=', '<'].map((sign) => sign.repeat(EMAIL_BODY_BYTES_MAX));
    const { mail } = await send(server, { ...HEAD, subject, text: text!, html: html! });
    expect(mail.subject).toBe(subject);
    expect(mail.text?.length).toBe(EMAIL_BODY_BYTES_MAX);
  });

  test('may have as many recipients as the limit', async () => {
    const to = Array.from({ length: EMAIL_RECIPIENTS_MAX }, (_, n) => `u${n}@x.org`);
    expect((await send(server, { ...MESSAGE, to })).to).toEqual(to);
  });

  test('is followed by a good-bye', async () => {
    const polite = await follow({});
    expect(await call(skillFor(polite))).toMatchObject({ ok: true });
    await polite.heard('QUIT');
    await polite.left();
  });
});

describe('what is refused before any connection', () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await serve();
  });
  const refuse = async (params: JsonObject, skill = skillFor(server)) => {
    const failure = await failureOf(call(skill, params));
    expect(server.connections()).toBe(0);
    return failure;
  };

  const INJECTION = '\r\nBcc: evil@x.org';
  test.each([
    ['to', `a@x.org${INJECTION}`],
    ['to', `A${INJECTION} <a@x.org>`],
    ['to', `"A${INJECTION}" <a@x.org>`],
    ['to', [`<a@x.org${INJECTION}>`]],
    ['cc', `a@x.org${INJECTION}`],
    ['cc', ['b@x.org', `A${INJECTION} <a@x.org>`]],
    ['bcc', `a@x.org${INJECTION}`],
    ['bcc', [`"A${INJECTION}" <a@x.org>`]],
    ['from', `alerts@example.org${INJECTION}`],
    ['from', `A${INJECTION} <alerts@example.org>`],
    ['reply_to', `a@x.org${INJECTION}`],
    ['reply_to', `A${INJECTION} <a@x.org>`],
    ['subject', `Hello${INJECTION}`],
    ['subject', 'Hello\nBcc: evil@x.org'],
    ['subject', 'Hello\rBcc: evil@x.org'],
    ['subject', 'Hello\0'],
  ])('a line break in `%s`: %j', async (field, value) => {
    const failure = await refuse({ ...MESSAGE, [field]: value });
    expect(failure).toMatchObject({ code: 'PARAMS_INVALID', retryable: false });
    expect(failure.message).toContain(`\`${field}\``);
    expect(failure.message).toContain('line break');
  });

  test.each<[string, Json]>([
    ['subject', '=?utf-8?q?a=0D=0ABcc:_x?='],
    ['to', '=?utf-8?q?jane?= <jane@example.com>'],
    ['reply_to', '"=?utf-8?q?jane?=" <jane@example.com>'],
  ])('an encoded text in `%s`, which a reader would decode', async (field, value) => {
    const failure = await refuse({ ...MESSAGE, [field]: value });
    expect(failure.code).toBe('PARAMS_INVALID');
    expect(failure.message).toContain('=?');
  });

  const thousand = Array.from({ length: 1000 }, (_, n) => `u${n}@x.org`);
  const some = thousand.slice(0, 20);
  test.each<[string, JsonObject]>([
    ['a list', { to: thousand }],
    ['a list that nobody reads to its end', { to: [...thousand, 'no address'] }],
    ['one string', { to: thousand.join(', ') }],
    ['many strings', { to: some.map(() => some.join(',')) }],
    ['three fields', { to: some, cc: some, bcc: some.join(',') }],
    ['`bcc`', { bcc: thousand }],
  ])('too many recipients in %s', async (_where, more) => {
    const failure = await refuse({ ...MESSAGE, ...more });
    expect(failure).toMatchObject({ code: 'PARAMS_INVALID' });
    expect(failure.message).toContain(`more than ${EMAIL_RECIPIENTS_MAX} addresses, the limit`);
  });

  test.each<[string, JsonObject, RegExp]>([
    ['no address', { ...MESSAGE, to: 'jane' }, /`to`: "jane" is no e-mail address/],
    ['no recipient', { ...MESSAGE, to: [] }, /`to`: names nobody/],
    ['two senders', { ...MESSAGE, from: 'a@corp.example,b@corp.example' }, /`from`: .* 1 address/],
    ['two to answer', { ...MESSAGE, reply_to: 'a@x.org,b@x.org' }, /`reply_to`: .* 1 address/],
    ['no message', HEAD, /`text`, in `html`, or in both/],
    ['two texts', { ...MESSAGE, body: 'Hi.' }, /`body`: .* two names for the same/],
    ['a long subject', { ...MESSAGE, subject: 's'.repeat(999) }, /`subject`: .*998/],
    ['no subject', { to: 'a@x.org', text: '' }, /`subject`/],
    ['a large text', { ...HEAD, text: 'ü'.repeat(524_289) }, /`text`: .*1048576 bytes/],
    ['a large page', { ...HEAD, html: 'x'.repeat(1_048_577) }, /`html`: .*1048576 bytes/],
  ])('%s', async (_what, params, message) => {
    const failure = await refuse(params);
    expect(failure.code).toBe('PARAMS_INVALID');
    expect(failure.message).toMatch(message);
  });

  test('a sender that is not on the list', async () => {
    for (const from of ['evil@example.org', 'Alerts <alerts@example.org.evil.org>']) {
      const failure = await refuse({ ...MESSAGE, from });
      expect(failure.code).toBe('EMAIL_SENDER_REFUSED');
      expect(failure.message).toContain('leave `from` out to send as alerts@example.org');
    }
  });

  test('no sender, when the list has only domains', async () => {
    const skill = skillOf(`smtp://127.0.0.1:${server.port}`, '', '*@corp.example');
    const failure = await refuse(MESSAGE, skill);
    expect(failure.code).toBe('PARAMS_INVALID');
    expect(failure.message).toContain('`from` must name one');
  });

  test('a recipient that is not on the list, in any field', async () => {
    const skill = skillOf(`smtp://127.0.0.1:${server.port}`, 'jane@example.com,*@team.example');
    for (const field of ['to', 'cc', 'bcc']) {
      const params = { ...MESSAGE, [field]: ['a@team.example', 'evil@x.org', 'b@x.org'] };
      const failure = await refuse(params, skill);
      expect(failure).toMatchObject({ code: 'EMAIL_RECIPIENT_REFUSED', retryable: false });
      expect(failure.message).toContain('"evil@x.org" and 1 more may not be written to');
    }
  });

  test('everything, when no mail server is set', async () => {
    const skill = createEmailSend(readConfig({}));
    expect(await refuse(MESSAGE, skill)).toMatchObject({ code: 'PROVIDER_NOT_CONFIGURED' });
    expect(skill.contract.lacks?.fix).toContain('SMTP_URL');
    expect(skillFor(server).contract.lacks).toBeUndefined();
  });

  test('a call that is already cancelled', async () => {
    const failure = failureOf(call(skillFor(server), MESSAGE, { signal: AbortSignal.abort() }));
    expect(await failure).toMatchObject({ code: 'CANCELLED' });
    expect(server.connections()).toBe(0);
  });
});

test('recipients on the list receive', async () => {
  const server = await serve();
  const skill = skillOf(`smtp://127.0.0.1:${server.port}`, 'JANE@example.com,*@team.example');
  const { to } = await send(server, { ...MESSAGE, cc: 'x@team.example' }, {}, skill);
  expect(to).toEqual(['jane@example.com', 'x@team.example']);
});

test('a call is never repeated by itself, and costs nothing', () => {
  const skill = createEmailSend(readConfig({}));
  expect(skill.isIdempotent(MESSAGE)).toBe(false);
  expect(skill.worstCaseMicroCents(MESSAGE)).toBe(0);
  expect(skill.timeoutMs(MESSAGE)).toBeUndefined();
});

describe('a mail server with TLS', () => {
  const TRUSTING = '?tls.rejectUnauthorized=false';

  test.each([
    ['smtp', { starttls: true }],
    ['smtps', { secure: true }],
  ])('%s takes a message after a login', async (scheme, options) => {
    const server = await serve({ ...options, credentials });
    const skill = skillOf(`${scheme}://${LOGIN}127.0.0.1:${server.port}${TRUSTING}`);
    expect(await send(server, MESSAGE, {}, skill)).toMatchObject({ user: 'me', isSecure: true });
  });

  test.each([
    ['smtp', { starttls: true }],
    ['smtps', { secure: true }],
  ])('%s gets nothing when nobody known has signed its certificate', async (scheme, options) => {
    const server = await serve({ ...options, credentials });
    const skill = skillOf(`${scheme}://${LOGIN}127.0.0.1:${server.port}`);
    const failure = await failureOf(call(skill));
    expect(failure).toMatchObject({ code: 'TLS_FAILED', retryable: false });
    expect(failure.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(server.received).toEqual([]);
  });

  test('in the URL, and without it in truth, gets nothing', async () => {
    const plain = await follow({});
    const failure = await failureOf(call(skillOf(`smtps://127.0.0.1:${plain.port}`)));
    expect(failure).toMatchObject({ code: 'TLS_FAILED' });
  });

  test('that must be there gets nothing without it', async () => {
    const plain = await follow({ EHLO: '250 AUTH PLAIN', STARTTLS: '502 no such command' });
    const skill = skillOf(`smtp://${LOGIN}127.0.0.1:${plain.port}?requireTLS=true`);
    expect(await failureOf(call(skill))).toMatchObject({ code: 'TLS_FAILED' });
    expect(plain.commands.filter((line) => /^(AUTH|MAIL)/.test(line))).toEqual([]);
  });

  test('that it offers and then has not now gets nothing, for now', async () => {
    const server = await follow({ EHLO: '250 STARTTLS', STARTTLS: '454 not now' });
    expect(await failureOf(call(skillFor(server)))).toMatchObject({
      code: 'EMAIL_DEFERRED',
      upstream_status: 454,
    });
    expect(server.commands.join()).not.toContain('MAIL');
  });
});

describe('a login', () => {
  const loginTo = (server: { port: number }) => skillOf(`smtp://${LOGIN}127.0.0.1:${server.port}`);

  test('with the wrong password is for the operator', async () => {
    const server = await serve({ credentials: { user: 'me', password: 'other' } });
    const failure = await failureOf(call(loginTo(server)));
    expect(failure).toMatchObject({
      code: 'PROVIDER_KEY_REFUSED',
      upstream_status: 535,
      retryable: false,
    });
  });

  test('never shows the password, even if the server repeats it', async () => {
    const token = Buffer.from(`\0me\0${PASSWORD}`).toString('base64');
    for (const code of [500, 535, 454] as const) {
      const server = await follow({
        EHLO: '250-test\r\n250 AUTH PLAIN',
        AUTH: `${code} what is AUTH PLAIN ${token} with ${PASSWORD}?`,
      });
      const failure = await failureOf(call(loginTo(server)));
      expect(server.commands).toContain(`AUTH PLAIN ${token}`);
      expect(failure.code).toBe(code === 454 ? 'EMAIL_DEFERRED' : 'PROVIDER_KEY_REFUSED');
      expect(JSON.stringify(failure)).not.toContain(token);
      expect(JSON.stringify(failure)).not.toContain(PASSWORD);
    }
  });

  test('never shows the password in what the server says of the message', async () => {
    const said = `your password ${PASSWORD} or ${Buffer.from(PASSWORD).toString('base64')}`;
    const script = { EHLO: '250-test\r\n250 AUTH PLAIN', AUTH: '235 welcome' };
    const refusing = await follow({ ...script, MAIL: `550 ${said}` });
    const failure = await failureOf(call(loginTo(refusing)));
    expect(failure).toMatchObject({ code: 'EMAIL_REFUSED' });
    const thanking = await follow({ ...script, CONTENT: `250 ${said}` });
    const sent = await call(loginTo(thanking));
    expect(sent).toMatchObject({ ok: true });
    for (const shown of [JSON.stringify(failure), JSON.stringify(sent)]) {
      expect(shown).toContain('your password');
      expect(shown).not.toContain(PASSWORD);
      expect(shown).not.toContain(Buffer.from(PASSWORD).toString('base64'));
    }
  });

  test('that the server does not offer is not left out in silence', async () => {
    const server = await follow({});
    expect(await failureOf(call(loginTo(server)))).toMatchObject({ code: 'PROVIDER_KEY_REFUSED' });
    expect(server.commands.join()).not.toMatch(/MAIL|AUTH/);
  });

  test('that is missing is for the operator', async () => {
    for (const moment of ['MAIL', 'RCPT'] as const) {
      const server = await follow({ [moment]: '530 5.7.0 Authentication required' });
      const failure = await failureOf(call(skillFor(server)));
      expect(failure).toMatchObject({ code: 'PROVIDER_KEY_REFUSED', upstream_status: 530 });
    }
  });
});

describe('a server that refuses', () => {
  const MOMENTS = ['CONNECTION', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'CONTENT'] as const;
  /** EHLO is tried again as HELO, which this server does not know. */
  const REFUSING = MOMENTS.filter((moment) => moment !== 'EHLO');

  test.each(REFUSING)('for good, at %s', async (moment) => {
    const server = await follow({ [moment]: '554 5.7.1 go away, jane' });
    const failure = await failureOf(call(skillFor(server)));
    expect(failure).toMatchObject({
      code: 'EMAIL_REFUSED',
      upstream_status: 554,
      retryable: false,
    });
    expect(failure.message).toContain('554 5.7.1 go away, jane');
    expect(failure.message).not.toContain('CONN ');
    await server.left();
  });

  test.each(REFUSING)('for now, at %s', async (moment) => {
    const server = await follow({ [moment]: '451 4.7.1 greylisted' });
    const failure = await failureOf(call(skillFor(server)));
    expect(failure).toMatchObject({
      code: 'EMAIL_DEFERRED',
      upstream_status: 451,
      retryable: true,
    });
    expect(failure.message).toContain('451 4.7.1 greylisted');
    await server.left();
  });

  test.each(MOMENTS)('because it goes down, at %s', async (moment) => {
    const server = await follow({ [moment]: '421 closing' });
    expect(await failureOf(call(skillFor(server)))).toMatchObject({
      code: 'EMAIL_DEFERRED',
      upstream_status: 421,
    });
  });

  test('all recipients, some of them for now, may take the message later', async () => {
    const server = await serve({
      judgeRecipient: (address) => reply(address.startsWith('later') ? 450 : 550, address),
    });
    const to = 'never@x.org,later@x.org,no@x.org';
    expect(await failureOf(call(skillFor(server), { ...MESSAGE, to }))).toMatchObject({
      code: 'EMAIL_DEFERRED',
      upstream_status: 450,
    });
    expect(server.received).toEqual([]);
  });

  test('some recipients has taken the message for the others', async () => {
    const server = await serve({
      judgeRecipient: (address) => {
        if (address.startsWith('no')) return reply(550, `no such user\0 ${'x'.repeat(2000)}`);
        return address.startsWith('later') ? reply(450, 'mailbox busy') : undefined;
      },
    });
    const params = { ...MESSAGE, to: 'no@x.org,a@x.org', bcc: 'later@x.org' };
    const { output, to } = await send(server, params);
    expect(to).toEqual(['a@x.org']);
    expect(output).toMatchObject({
      accepted: ['a@x.org'],
      rejected: [
        {
          address: 'no@x.org',
          smtp_code: 550,
          reason: expect.stringMatching(/^550 no such user x+$/),
        },
        { address: 'later@x.org', smtp_code: 450, reason: '450 mailbox busy' },
      ],
    });
    expect(JSON.stringify(output).length).toBeLessThan(1000);
  });

  test('a message larger than it takes', async () => {
    const server = await serve({ sizeMax: 2000 });
    const failure = await failureOf(call(skillFor(server), { ...HEAD, text: 'x'.repeat(3000) }));
    expect(failure).toMatchObject({ code: 'EMAIL_REFUSED', retryable: false });
    expect(failure.message).toContain('larger than the mail server takes');
  });

  test('the connection', async () => {
    const server = await follow({});
    await server.stop();
    expect(await failureOf(call(skillFor(server)))).toMatchObject({
      code: 'CONNECT_FAILED',
      retryable: true,
    });
  });

  test('nothing, because its name does not exist', async () => {
    // The resolver itself refuses a name with a label of 64 letters: no name server is asked.
    expect(await failureOf(call(skillOf(`smtp://${'a'.repeat(64)}.example`)))).toMatchObject({
      code: 'DNS_FAILED',
      retryable: true,
    });
  });

  test.each<[string, Script]>([
    ['HTTP', { CONNECTION: 'HTTP/1.1 200 OK' }],
    ['another protocol', { CONNECTION: 'SSH-2.0-OpenSSH_9.6' }],
    ['nonsense at DATA', { DATA: '199 what' }],
    ['an endless reply', { EHLO: `250-${'x'.repeat(70_000)}` }],
  ])('to speak SMTP, but speaks %s', async (_what, script) => {
    const failure = await failureOf(call(skillFor(await follow(script))));
    expect(failure).toMatchObject({ code: 'RESPONSE_INVALID', retryable: false });
  });
});

describe('a server that falls silent', () => {
  const BEFORE: Moment[] = ['CONNECTION', 'EHLO', 'MAIL', 'RCPT', 'DATA'];
  const TIMEOUT = new DOMException('The deadline has come.', 'TimeoutError');

  /** Ends the call in the moment in which the server falls silent. */
  async function endAt(moment: Moment, reason: Error) {
    const server = await follow({ [moment]: 'hang' });
    const stop = new AbortController();
    const calling = failureOf(call(skillFor(server), MESSAGE, { signal: stop.signal }));
    await server.heard(moment);
    const startedAt = performance.now();
    stop.abort(reason);
    const failure = await calling;
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await server.left();
    return failure;
  }

  test.each(BEFORE)('at %s has not taken the message', async (moment) => {
    expect(await endAt(moment, TIMEOUT)).toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  test.each(BEFORE)('at %s has not taken a message that is cancelled', async (moment) => {
    expect(await endAt(moment, new Error('cancelled'))).toMatchObject({ code: 'CANCELLED' });
  });

  test.each(['TimeoutError', 'Error'])(
    'after the message may have taken it, whatever ends the call: %s',
    async (name) => {
      const failure = await endAt('CONTENT', name === 'Error' ? new Error('cancelled') : TIMEOUT);
      expect(failure).toMatchObject({ code: 'EFFECT_UNKNOWN', retryable: false });
      expect(failure.message).toContain(MESSAGE_ID);
    },
  );

  test('under TLS is left at once', async () => {
    const server = createTlsServer(selfMadeCertificate());
    const { port, stop } = await listenTo(server);
    servers.push({ stop });
    const abort = new AbortController();
    const skill = skillOf(`smtps://127.0.0.1:${port}?tls.rejectUnauthorized=false`);
    const calling = failureOf(call(skill, MESSAGE, { signal: abort.signal }));
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    socket.resume().on('error', () => undefined);
    abort.abort(TIMEOUT);
    expect(await calling).toMatchObject({ code: 'TIMEOUT' });
    if (!socket.closed) await once(socket, 'close');
  });

  test('has the time of the call and no more', async () => {
    const server = await follow({ CONNECTION: 'hang' });
    const failure = await failureOf(call(skillFor(server), MESSAGE, { timeoutMs: 100 }));
    expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true });
    await server.left();
  });
});

describe('a server that hangs up', () => {
  const BEFORE = ['CONNECTION', 'EHLO', 'MAIL', 'RCPT', 'DATA'] as const;

  test.each(BEFORE)('at %s has not taken the message', async (moment) => {
    const server = await follow({ [moment]: 'drop' });
    expect(await failureOf(call(skillFor(server)))).toMatchObject({
      code: 'CONNECTION_LOST',
      retryable: true,
    });
  });

  test.each<Script['CONTENT']>(['drop', '250-queued', '199 what', '354 more'])(
    'after the message may have taken it: %s',
    async (answer) => {
      const server = await follow({ CONTENT: answer! });
      const calling = failureOf(call(skillFor(server)));
      await server.heard('CONTENT');
      await server.stop();
      const failure = await calling;
      expect(failure).toMatchObject({ code: 'EFFECT_UNKNOWN', retryable: false });
      expect(failure.message).toContain(MESSAGE_ID);
    },
  );
});
