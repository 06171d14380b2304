import { afterAll, describe, expect, test } from '@jest/globals';
import { startDelivery } from '../../../src/skills/email/delivery.ts';
import { toConnectFailure, toDeliveryFailure } from '../../../src/skills/email/failures.ts';
import { parseSmtpUrl } from '../../../src/skills/email/smtp-url.ts';
import { startScriptedMailServer } from '../../support/mail-server.ts';
import type { Script, ScriptedMailServer } from '../../support/mail-server.ts';

/** More than all buffers between two sockets can hold, so that it is never handed over whole. */
const CONTENT = Buffer.alloc(64 * 1024 * 1024, 'a line of a message\r\n');
const MESSAGE = { id: '<1@x.org>', from: 'a@x.org', recipients: ['b@x.org'], bytes: CONTENT };

describe('a message in the middle of its content', () => {
  const servers: ScriptedMailServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  const deliverTo = async (script: Script) => {
    const server = await startScriptedMailServer(script);
    servers.push(server);
    const url = parseSmtpUrl(`smtp://127.0.0.1:${server.port}`);
    return { server, delivery: startDelivery(MESSAGE, url, 20_000) };
  };
  const failureOf = async (delivering: Promise<unknown>, isHandedOver: () => boolean) => {
    const error = await delivering.then(
      () => new Error('The message was delivered.'),
      (reason: unknown) => reason,
    );
    const progress = { messageId: MESSAGE.id, isHandedOver: isHandedOver() };
    return toDeliveryFailure(error, progress).failure;
  };

  test('is not handed over when the server hangs up', async () => {
    const { delivery } = await deliverTo({ FIRST_BYTES: 'drop' });
    expect(await failureOf(delivery.deliver(), delivery.isHandedOver)).toMatchObject({
      code: 'CONNECTION_LOST',
      retryable: true,
    });
    delivery.stop();
  });

  test('is not handed over when the server reads no further', async () => {
    const { server, delivery } = await deliverTo({ FIRST_BYTES: 'hang' });
    void delivery.deliver();
    await server.heard('FIRST_BYTES');
    delivery.stop();
    expect(delivery.isHandedOver()).toBe(false);
  });

  test('is not taken by a server that says so', async () => {
    const { delivery } = await deliverTo({ DATA: '354 go ahead\r\n250 queued' });
    expect(await failureOf(delivery.deliver(), delivery.isHandedOver)).toMatchObject({
      code: 'RESPONSE_INVALID',
    });
    delivery.stop();
  });

  test('is refused when the server says so early', async () => {
    const { delivery } = await deliverTo({ FIRST_BYTES: '552 too much' });
    expect(await failureOf(delivery.deliver(), delivery.isHandedOver)).toMatchObject({
      code: 'EMAIL_REFUSED',
      upstream_status: 552,
    });
    delivery.stop();
  });
});

describe('the failure of a delivery', () => {
  const before = { messageId: '<1@x.org>', isHandedOver: false };
  const after = { messageId: '<1@x.org>', isHandedOver: true };

  test.each([
    [{ code: 'ETIMEDOUT' }, 'TIMEOUT'],
    [{ code: 'ETLS' }, 'CONNECTION_LOST'],
    [{ code: 'ETLS', responseCode: 554 }, 'TLS_FAILED'],
    [{ code: 'ECONNECTION' }, 'CONNECTION_LOST'],
    [{ code: 'ESOCKET', originalCode: 'ECONNRESET' }, 'CONNECTION_LOST'],
    [{ code: 'ESOCKET', originalCode: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'TLS_FAILED'],
    [{ code: 'ESOCKET', originalCode: 'EPROTO' }, 'TLS_FAILED'],
    [{ code: 'EMESSAGE' }, 'EMAIL_REFUSED'],
    [{ code: 'EPROTOCOL' }, 'RESPONSE_INVALID'],
    [{ responseCode: 400 }, 'EMAIL_DEFERRED'],
    [{ responseCode: 499 }, 'EMAIL_DEFERRED'],
    [{ responseCode: 500 }, 'EMAIL_REFUSED'],
    [{ responseCode: 599 }, 'EMAIL_REFUSED'],
    [{ code: 'EENVELOPE', responseCode: 199 }, 'RESPONSE_INVALID'],
    [{ code: 'EAUTH' }, 'RESPONSE_INVALID'],
    [new TypeError('a mistake of ours'), 'SKILL_CRASHED'],
    [undefined, 'SKILL_CRASHED'],
  ])('%j before the end is %s', (error, code) => {
    expect(toDeliveryFailure(error, before).failure.code).toBe(code);
  });

  test.each([
    { code: 'ETIMEDOUT' },
    { code: 'ECONNECTION' },
    { code: 'ESOCKET', originalCode: 'ERR_SSL_BAD_RECORD_TYPE' },
    { code: 'EPROTOCOL' },
    { responseCode: 250 },
    { responseCode: 399 },
    { responseCode: 600 },
    new Error('anything'),
    undefined,
  ])('%j after the end leaves open what happened', (error) => {
    const { code, message, retryable, recovery } = toDeliveryFailure(error, after).failure;
    expect({ code, retryable }).toEqual({ code: 'EFFECT_UNKNOWN', retryable: false });
    expect(recovery).toMatchObject([{ action: 'check_effect' }]);
    expect(message).toContain('<1@x.org>');
  });

  test.each([
    [{ responseCode: 451, response: '451 later' }, 'EMAIL_DEFERRED'],
    [{ responseCode: 550, response: '550 no' }, 'EMAIL_REFUSED'],
  ])('%j is the answer of the server, also after the end', (error, code) => {
    expect(toDeliveryFailure(error, after).failure.code).toBe(code);
  });

  test.each([
    ['ENOTFOUND', 'DNS_FAILED'],
    ['EAI_AGAIN', 'DNS_FAILED'],
    ['ECONNREFUSED', 'CONNECT_FAILED'],
    ['ETIMEDOUT', 'CONNECT_FAILED'],
  ])('to connect by %s is %s', (word, code) => {
    expect(toConnectFailure({ code: word }).failure).toMatchObject({ code, retryable: true });
  });
});
