import { describe, expect, test } from '@jest/globals';
import { parseSmtpUrl } from '../../../src/skills/email/smtp-url.ts';

const SECRET = 'hunter2';

describe('the URL of a mail server', () => {
  test('says everything about it', () => {
    expect(parseSmtpUrl('smtp://mail.example.org')).toEqual({
      host: 'mail.example.org',
      port: 587,
      isSecure: false,
      needsTls: false,
      verifiesCertificate: true,
      clientName: undefined,
      credentials: undefined,
    });
    const options = 'requireTLS=true&tls.rejectUnauthorized=false&name=aos.example.org';
    expect(
      parseSmtpUrl(`smtps://me%40x.org:p%2Fw%3A%25%C3%BC@Mail.Example.org:2465/?${options}`),
    ).toEqual({
      host: 'mail.example.org',
      port: 2465,
      isSecure: true,
      needsTls: true,
      verifiesCertificate: false,
      clientName: 'aos.example.org',
      credentials: { user: 'me@x.org', password: 'p/w:%ü' },
    });
    expect(parseSmtpUrl('smtps://[2001:db8::1]')).toMatchObject({ host: '2001:db8::1', port: 465 });
  });

  test.each([
    ['smtp://mail.example.org', false],
    ['smtp://mail.example.org?requireTLS=true', true],
    ['smtp://u:p@mail.example.org', true],
    ['smtp://u:p@10.0.0.1', true],
    ['smtp://u:p@127.evil.example', true],
    ['smtp://u:p@localhost', false],
    ['smtp://u:p@127.0.0.1:2525', false],
    ['smtp://u:p@[::1]:2525', false],
    ['smtp://u:p@localhost?requireTLS=true', true],
  ])('%s needs TLS: %s', (url, needsTls) => {
    expect(parseSmtpUrl(url).needsTls).toBe(needsTls);
  });

  test.each([
    'mail.example.org',
    'mail.example.org:587',
    'http://mail.example.org',
    'smtp://',
    'smtp:mail.example.org',
    'smtp:///path',
    'smtp://:587',
    'smtp://host:0',
    'smtp://host:65536',
    'smtp://host:465',
    'smtp://host:smtp',
    'smtp://host/path',
    'smtp://host#fragment',
    'smtp://ho st',
    'smtp://ho%73t',
    'smtp://-host',
    'smtp://user@host',
    'smtp://:password@host',
    'smtp://user:%zz@host',
    'smtp://host?pool=true',
    'smtp://host?requireTLS=false',
    'smtp://host?requiretls=true',
    'smtp://host?tls.rejectUnauthorized=true',
    'smtp://host?tls.ca=/etc/ca.pem',
    'smtp://host?name=a%0d%0ab',
    'smtp://host?name=',
  ])('%s is refused', (url) => {
    expect(() => parseSmtpUrl(url)).toThrow(/^(takes|has) .*[.@/]$/);
  });

  // An unescaped sign ends the password early and moves the rest of it anywhere.
  test.each([
    `smtp://user:${SECRET}@host:99999`,
    `smtp://user:a#${SECRET}@host`,
    `smtp://user:1#${SECRET}@host`,
    `smtp://user:1?${SECRET}@host`,
    `smtp://user:1?${SECRET}=1@host`,
    `smtp://user:1?requireTLS=${SECRET}@host`,
    `smtp://user:1/${SECRET}@host`,
    `smtp://user:${SECRET}%@host`,
    `smtp://user:1@${SECRET}@host name`,
    `smtp://:${SECRET}@host`,
    `smtp://${SECRET}@host`,
    `imap://user:${SECRET}@host`,
  ])('%s is refused without a word of its password', (url) => {
    let message = '';
    try {
      parseSmtpUrl(url);
    } catch (error) {
      message = String(error);
    }
    expect(message).not.toBe('');
    expect(message).not.toContain(SECRET);
  });
});
