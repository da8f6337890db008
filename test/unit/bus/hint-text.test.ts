import { parseHint, readHint, writeHint } from '../../../src/bus/hint-text.js';
import type { Hint, LogEntry } from '../../../src/kernel/events.js';

const LIMIT = 1_000;
const aHint = (content: string): Hint => ({
  kind: 'log',
  userId: 42,
  entries: [{ seq: 3, event: 'message', data: { payload: { content } } } as unknown as LogEntry],
  state: { seq: 3, read_seq: 1, unread_count: 2 },
  read: true,
});
const there = (text: string): Hint => parseHint(readHint(text)!);

describe('a hint as text', () => {
  it('says who sent it and whose it is before it is parsed, and comes back as it was', () => {
    const hint = aHint('two words {"and": "more"}\n');
    const text = writeHint('nod_a', hint, LIMIT);
    expect(readHint(text)).toMatchObject({ node: 'nod_a', userId: 42 });
    expect(there(text)).toEqual(hint);
  });

  it('is as long as allowed, counted in bytes, and goes without its entries beyond', () => {
    const rest = Buffer.byteLength(writeHint('nod_a', aHint(''), LIMIT));
    const fits = aHint('ä'.repeat((LIMIT - rest) >> 1));
    expect(there(writeHint('nod_a', fits, LIMIT))).toEqual(fits);
    const beyond = aHint('ä'.repeat(((LIMIT - rest) >> 1) + 1));
    const text = writeHint('nod_a', beyond, LIMIT);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT);
    expect(there(text)).toEqual({ ...beyond, entries: [] });
  });

  it.each([
    '',
    ' ',
    'nod_a',
    'nod_a ',
    'nod_a 1',
    ' 1 {}',
    'nod_a x {}',
    'nod_a 0 {}',
    'nod_a 1.5 {}',
    'nod_a  {}',
  ])('is not %p', (text) => expect(readHint(text)).toBeUndefined());

  it.each([
    '',
    '{',
    'null',
    '1',
    '[]',
    '{}',
    '{"kind":"log","userId":7}',
    '{"kind":"typing","userId":8}',
    '{"kind":"new","userId":7}',
  ])('of user 7 is not %p', (body) =>
    expect(() => parseHint({ node: 'nod_a', userId: 7, body })).toThrow(SyntaxError),
  );
});
