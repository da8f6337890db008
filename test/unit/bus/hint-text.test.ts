import fc from 'fast-check';
import {
  isWithin,
  packHints,
  parseHint,
  readHint,
  unpackHints,
  writeHint,
} from '../../../src/bus/hint-text.js';
import type { Hint, LogEntry } from '../../../src/kernel/events.js';
import { JsonText } from '../../../src/kernel/json-text.js';
import type { Message, Session } from '../../../src/kernel/wire.dto.js';

const LIMIT = 1_000;
const message = (content: string, seq = 3): LogEntry => {
  const data = JsonText.write({ payload: { content } } as Message);
  return { seq, event: 'message', data };
};
const withEntries = (...entries: LogEntry[]): Hint & { kind: 'log' } => ({
  ...{ kind: 'log', userId: 42, entries, read: true },
  state: { seq: 3, read_seq: 1, unread_count: 2 },
});
const aHint = (content: string): Hint => withEntries(message(content));
const there = (text: string): Hint => parseHint(readHint(text)!);

describe('a hint as text', () => {
  it('says who sent it and whose it is before it is parsed, and comes back as it was', () => {
    const hint = aHint('two words {"and": "more"}\n');
    const text = writeHint('nod_a', hint, LIMIT);
    expect(readHint(text)).toMatchObject({ node: 'nod_a', channel: 42 });
    expect(there(text)).toEqual(hint);
  });

  it('brings its messages to their entries, unread, and on one line', () => {
    const session = { agent_session_id: 'one' } as Session;
    const text = '{ "payload":\n{\r"content": "a\\nb \\u001f" } }';
    const hint = withEntries(
      message('first'),
      { seq: 3, event: 'session', data: session },
      { seq: 4, event: 'message:updated', data: JsonText.read(text) },
    );
    const sent = writeHint('nod_a', hint, LIMIT);
    expect(sent).not.toMatch(/[\r\n]/);
    const { entries } = there(sent) as typeof hint;
    expect(withEntries(...entries)).toEqual(hint);
    expect((entries[2]!.data as JsonText<Message>).toString()).toBe(text.replace(/[\r\n]/g, ' '));
  });

  it('comes without entries where there are fewer messages than they want, or more, or something else', () => {
    const sent = writeHint('nod_a', withEntries(message('a'), message('b', 4)), LIMIT);
    const without = sent.slice(0, sent.lastIndexOf('\x1f'));
    for (const text of [without, `${sent}\x1f{}`, `${without}\x1f`, `${without}\x1f[]`, sent.slice(0, -2)])
      expect(there(text)).toEqual(withEntries());
    expect((there(`${without}\x1f{}`) as ReturnType<typeof withEntries>).entries).toHaveLength(2);
  });

  it.each([
    'null',
    '"x"',
    'true',
    '[]',
    '{}',
    '1.5',
    '{"seq":1,"event":"other"}',
    '{"seq":1,"event":"session"}',
  ])('comes without entries where one is %s', (head) => {
    const text = `nod_a 42 ["log",3,1,2,true,[${head}]]\x1f{}`;
    expect(there(text)).toEqual(withEntries());
  });

  it('comes back as it was, whatever callers write into their messages', () => {
    const some = fc.string({
      unit: fc.constantFrom('\x1d', '\x1e', '\x1f', '\n', '\r', '"', '\\\\', '{', ' ', '😀'),
    });
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 5 }), (contents) => {
        const hints = contents.map((content) => withEntries(message(content)));
        const packs = packHints(
          hints.map((hint) => writeHint('nod_a', hint, LIMIT)),
          LIMIT,
        );
        expect(packs.flatMap(unpackHints).map(there)).toEqual(hints);
        expect(packs.join('')).not.toContain('\x1e'); // which separates payloads in one NOTIFY
      }),
    );
  });

  it.each<Hint>([
    { kind: 'typing', userId: 42, data: { agent_session_id: null, sender: 'user', typing: true } },
    {
      kind: 'delta',
      userId: 42,
      data: { message_id: 'msg_1', agent_session_id: 'one', offset: 3, delta: 'lo' },
    },
    { kind: 'stop', userId: 42, data: { message_id: 'msg_1' } },
    { kind: 'inbox', accountId: 7, userId: 42, platformUserId: 'ann', agentSessionId: 'one', seq: 3 },
    { kind: 'inbox', accountId: 7, userId: 42, platformUserId: 'ann', agentSessionId: 'one', seq: null },
  ])('comes back as it was: %j', (hint) => {
    const text = writeHint('nod_a', hint, LIMIT);
    expect(readHint(text)?.channel).toBe(hint.kind === 'inbox' ? 'account:7' : 42);
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
    'nod_a account: {}',
    'nod_a account:0 {}',
    'nod_a account:07 {}',
    'nod_a room:1 {}',
    'nod_a account:1',
  ])('is not %p', (text) => expect(readHint(text)).toBeUndefined());

  it.each([
    '',
    '{',
    'null',
    '1',
    '[]',
    '{}',
    '{"kind":"log","userId":7}',
    '["log",1,0,0,false,[]',
    '["log",1,0,0,false]',
    '["log",1,0,0,false,{}]',
    '["log",1,0,false,[]]',
    '["log",1.5,0,0,false,[]]',
    '["log","1",0,0,false,[]]',
    '{"kind":"typing","userId":8}',
    '{"kind":"typing","userId":7}',
    '{"kind":"delta","userId":7}',
    '{"kind":"toString","userId":7}',
    '{"kind":"inbox","accountId":7,"userId":7,"agentSessionId":"one"}',
    '{"kind":"new","userId":7}',
  ])('of user 7 is not %p', (body) =>
    expect(() => parseHint({ node: 'nod_a', channel: 7, body })).toThrow(SyntaxError),
  );
});

it('a hint of a log is none on the channel of an account', () => {
  const body = '["log",1,0,0,false,[]]';
  expect(parseHint({ node: 'nod_a', channel: 7, body })).toMatchObject({
    kind: 'log',
    userId: 7,
    entries: [],
  });
  expect(() => parseHint({ node: 'nod_a', channel: 'account:7', body })).toThrow(SyntaxError);
});

it.each(['a', 'ä', '€', '😀'])('bytes of %p are counted where its length does not tell', (unit) => {
  const text = unit.repeat(100);
  const bytes = Buffer.byteLength(text);
  expect([bytes - 1, bytes, bytes + 1].map((limit) => isWithin(limit, text))).toEqual([false, true, true]);
});

describe('hints that travel together', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'ä', '€', '😀', ' '), minLength: 1, maxLength: 60 });

  it('come out as they went in, in as few texts as the limit allows in this order', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), fc.integer({ min: 240, max: 600 }), (texts, limit) => {
        const packs = packHints(texts, limit);
        expect(packs.flatMap(unpackHints)).toEqual(texts);
        for (const [index, pack] of packs.entries()) {
          expect(Buffer.byteLength(pack)).toBeLessThanOrEqual(limit);
          const [next] = unpackHints(packs[index + 1] ?? 'x'.repeat(limit));
          expect(Buffer.byteLength(`${pack}\n${next}`)).toBeGreaterThan(limit); // there was no room for it
        }
      }),
    );
  });

  it('are alone where two have no room, to the byte', () => {
    expect(packHints(['ää', 'b'], 6)).toEqual(['ää\nb']);
    expect(packHints(['ää', 'b'], 5)).toEqual(['ää', 'b']);
    expect(packHints(['longer than the limit', 'b'], 5)).toEqual(['longer than the limit', 'b']);
    expect(packHints([], 5)).toEqual([]);
  });
});
