import { describe, expect, test } from '@jest/globals';
import { EMAIL_ADDRESS_LENGTH_MAX } from '../../../src/contracts/limits.ts';
import { parseAddressList } from '../../../src/skills/email/address-list.ts';
import { parseMailboxes } from '../../../src/skills/email/mailbox.ts';

const mailbox = (address: string, name = '') => ({ name, address });

describe('a list of mailboxes', () => {
  test.each([
    ['a@example.org', [mailbox('a@example.org')]],
    [' a@example.org ', [mailbox('a@example.org')]],
    ['<a@example.org>', [mailbox('a@example.org')]],
    ['Jane Doe <jane@example.org>', [mailbox('jane@example.org', 'Jane Doe')]],
    ['J. R. O’Neil<j@example.org>', [mailbox('j@example.org', 'J. R. O’Neil')]],
    ['Jürgen Groß <j@example.org>', [mailbox('j@example.org', 'Jürgen Groß')]],
    ['"Doe, Jane" <j@example.org>', [mailbox('j@example.org', 'Doe, Jane')]],
    ['"a \\"b\\" \\\\ <c@d>" <j@example.org>', [mailbox('j@example.org', 'a "b" \\ <c@d>')]],
    ['a@x.org, B <b@y.org>', [mailbox('a@x.org'), mailbox('b@y.org', 'B')]],
    ['first.last+tag@example.org', [mailbox('first.last+tag@example.org')]],
    ["!#$%&'*+/=?^_`{|}~-@example.org", [mailbox("!#$%&'*+/=?^_`{|}~-@example.org")]],
    ['Root@LocalHost', [mailbox('Root@localhost')]],
    ['a@bücher.example', [mailbox('a@xn--bcher-kva.example')]],
    ['a@1.2.3.example', [mailbox('a@1.2.3.example')]],
  ])('reads %s', (text, mailboxes) => {
    expect(parseMailboxes(text, 2)).toEqual(mailboxes);
  });

  test.each([
    '',
    ' ',
    ',',
    'a@x.org,',
    ',a@x.org',
    'a@x.org b@x.org',
    'a@x.org;b@x.org',
    'a',
    '@x.org',
    'a@',
    'a@b@x.org',
    'a b@x.org',
    '.a@x.org',
    'a.@x.org',
    'a..b@x.org',
    '"a"@x.org',
    'ä@x.org',
    'a@-x.org',
    'a@x-.org',
    'a@x..org',
    'a@.org',
    'a@x.org.',
    'a@1.2.3.4',
    'a@[127.0.0.1]',
    'a@x_y.org',
    'a@x.org/evil.org',
    'a@bücher.example/evil',
    'a@bü%63her.example',
    'a@１.2.3.4',
    'a@x.org <b@y.org>',
    'A <a@x.org> b@y.org',
    'A <a@x.org><b@y.org>',
    'A <a@x.org, b@y.org>',
    'A (comment) <a@x.org>',
    'list: a@x.org;',
    'A <a@x.org',
    'A a@x.org>',
    '"A <a@x.org>',
    '"A',
    '"A\\',
    '"A" b <a@x.org>',
    `${'a'.repeat(65)}@x.org`,
    `a@${'x'.repeat(64)}.org`,
    `a@${'x.'.repeat(130)}org`,
  ])('refuses %j', (text) => {
    expect(() => parseMailboxes(text, 2)).toThrow(/is no e-mail address\. Write name@host or /);
  });

  test.each(['\r\nBcc: evil@x.org', '\n', '\r', '\0', '\t', '\u0085', '\u2028', '\ud800'])(
    'refuses %j at any place',
    (sign) => {
      for (const text of [`a@x.org${sign}`, `A${sign}B <a@x.org>`, `"A${sign}" <a@x.org>`, sign]) {
        expect(() => parseMailboxes(text, 2)).toThrow(/line break or another control character/);
      }
    },
  );

  test('takes as many as it may and no more, whatever the rest is', () => {
    expect(parseMailboxes('a@x.org,b@x.org', 2)).toHaveLength(2);
    expect(() => parseMailboxes('a@x.org,b@x.org,', 2)).toThrow(
      'names more than 2 addresses, the limit. Send several messages.',
    );
    expect(() => parseMailboxes(','.repeat(10_000_000), 2)).toThrow('names more than 2');
  });

  test('takes no mailbox over the limit, and its message stays short', () => {
    const name = 'n'.repeat(EMAIL_ADDRESS_LENGTH_MAX - '<a@x.org>'.length);
    expect(parseMailboxes(`${name}<a@x.org>`, 1)).toEqual([mailbox('a@x.org', name)]);
    expect(() => parseMailboxes(`${name}n<a@x.org>`, 1)).toThrow(
      /^"n{60}…" has 321 characters, and the limit is 320\.$/,
    );
  });

  test('is read in a moment, however it is made', () => {
    const startedAt = performance.now();
    for (const part of ['"', '\\', '<', '@', 'a.', ' ', '"\\']) {
      expect(() => parseMailboxes(part.repeat(1_000_000), 2)).toThrow(
        / (characters|e-mail address)/,
      );
      expect(() => parseMailboxes(part.repeat(300 / part.length), 2)).toThrow(/is no/);
    }
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('a list of allowed addresses', () => {
  const list = parseAddressList('Alerts <Alerts@Example.org>, *@corp.example');

  test.each([
    ['alerts@example.org', true],
    ['ALERTS@example.org', true],
    ['other@example.org', false],
    ['alerts@sub.example.org', false],
    ['anybody@corp.example', true],
    ['any.body@Corp.Example', true],
    ['a@sub.corp.example', false],
    ['a@notcorp.example', false],
    ['a@corp.example.org', false],
    ['*@example.org', false],
  ])('says of %s: %s', (address, isAllowed) => {
    expect(list.allows(address)).toBe(isAllowed);
  });

  test('names the first that is one address', () => {
    expect(list.first).toEqual(mailbox('Alerts@example.org', 'Alerts'));
    expect(parseAddressList('*@a.org,b@b.org').first).toEqual(mailbox('b@b.org'));
    expect(parseAddressList('*@a.org').first).toBeUndefined();
  });

  test('of a domain in another script allows its addresses', () => {
    const domain = parseAddressList('*@bücher.example');
    expect(domain.allows(parseMailboxes('a@BÜCHER.example', 1)[0]!.address)).toBe(true);
  });
});
