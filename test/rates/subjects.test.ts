import { describe, expect, test } from '@jest/globals';
import { addressSubject } from '../../src/rates/subjects.ts';

describe('the subject of an address', () => {
  test.each([
    ['203.0.113.7', 'address/203.0.113.7'],
    ['::ffff:203.0.113.7', 'address/203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', 'address/2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', 'address/2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', 'address/2001:db8:1:3::/64'],
    ['::1', 'address/0:0:0:0::/64'],
    ['fe80::1%eth0', 'address/fe80:0:0:0::/64'],
    ['', 'address/unknown'],
    [undefined, 'address/unknown'],
  ])('of %s is %s', (address, subject) => {
    expect(addressSubject(address)).toBe(subject);
  });
});
