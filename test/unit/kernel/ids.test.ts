import fc from 'fast-check';
import { messageId, parseMessageId, randomId, randomUserId } from '../../../src/kernel/ids.js';

const userIds = fc.maxSafeNat().map((value) => value || 1);
const positions = fc.integer({ min: 0, max: 2 ** 45 - 1 });
const addresses = fc.record({ userId: userIds, seq: positions });

describe('a message id', () => {
  it('is its address, both ways', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseMessageId(messageId(address))).toEqual(address);
      }),
    );
  });

  it('keeps the extremes exact', () => {
    for (const address of [
      { userId: 1, seq: 0 },
      { userId: Number.MAX_SAFE_INTEGER, seq: 2 ** 45 - 1 },
    ])
      expect(parseMessageId(messageId(address))).toEqual(address);
  });

  it('sorts as the log of its user does', () => {
    fc.assert(
      fc.property(userIds, positions, positions, (userId, one, other) => {
        const inIds = Math.sign(compare(messageId({ userId, seq: one }), messageId({ userId, seq: other })));
        expect(inIds).toBe(Math.sign(one - other));
      }),
    );
  });

  it('is read from an id and from nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^msg_.{0,30}$/)), (text) => {
        const address = parseMessageId(text);
        if (address !== undefined) expect(messageId(address)).toBe(text);
      }),
    );
  });

  const valid = messageId({ userId: 5, seq: 7 });
  it.each([
    ['nothing', ''],
    ['no prefix', valid.slice(4)],
    ['another prefix', valid.replace('msg_', 'ses_')],
    ['upper case', valid.toUpperCase()],
    ['one digit less', valid.slice(0, -1)],
    ['one digit more', `${valid}0`],
    ['a letter that is none of the digits', `${valid.slice(0, -1)}u`],
    ['a line end', `${valid}\n`],
    ['a user beyond 2^53', `msg_${'z'.repeat(11)}000000001`],
  ])('is not %s', (_, text) => {
    expect(parseMessageId(text)).toBeUndefined();
  });
});

describe('random ids', () => {
  it('are positive safe integers for users', () => {
    const ids = Array.from({ length: 2000 }, randomUserId);
    expect(ids.every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    // 53 bits are in use, not 32: of 2,000 some lie in the upper half.
    expect(ids.some((id) => id > 2 ** 52)).toBe(true);
  });

  it('carry their prefix and 100 random bits', () => {
    const ids = Array.from({ length: 200 }, () => randomId('ses'));
    for (const id of ids) expect(id).toMatch(/^ses_[0-9a-hjkmnp-tv-z]{20}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
