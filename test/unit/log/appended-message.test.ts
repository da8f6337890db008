import fc from 'fast-check';
import type { Message } from '../../../src/kernel/wire.dto.js';
import { Item } from '../../../src/log/item.js';
import type { NewMessage } from '../../../src/log/log-types.js';
import { appendedMessage } from '../../../src/log/appended-message.js';
import type { AppendRow } from '../../../src/log/persistence/append.sql.js';

const row = (sid: string): AppendRow => ({
  verdict: 'ok',
  original: null,
  sid,
  seq: 42,
  read_seq: 7,
  unread_count: 3,
  now: Date.UTC(2026, 10, 23, 10),
  born: false,
});

describe('the JSON of a message that was just appended', () => {
  const text = fc.string({ unit: 'binary' }).filter((some) => some.isWellFormed());
  const data = fc.dictionary(text, fc.jsonValue(), { noNullPrototype: true });

  it('is what JSON.stringify makes of the message, on one line, whatever callers write', () => {
    fc.assert(
      fc.property(text, text, text, data, data, (user, session, content, extra, metadata) => {
        const owner = { accountId: 1, userId: 5, platformUserId: user };
        const payload = { ...extra, content, sender: 'assistant' as const, attachments: [] };
        const sent: NewMessage = { sender: 'assistant', payload, metadata };
        const written = appendedMessage(new Item(owner, sent), row(session));
        expect(written.toString()).toBe(JSON.stringify(written.parse()));
        expect(written.toLine()).not.toMatch(/[\r\n]/);
      }),
    );
  });

  it('is that of an untouched message at its own position', () => {
    const owner = { accountId: 1, userId: 5, platformUserId: 'ann' };
    const payload = { content: 'Hi', sender: 'assistant' as const, attachments: [] };
    const written = appendedMessage(
      new Item(owner, { sender: 'assistant', payload, metadata: { a: 1 } }),
      row('one'),
    );
    expect(JSON.parse(written.toString())).toEqual({
      id: 'msg_00000000005' + '00000001a',
      platform_user_id: 'ann',
      agent_session_id: 'one',
      seq: 42,
      updated_seq: 42,
      payload,
      metadata: { a: 1 },
      status: 'complete',
      read: false,
      read_at: null,
      created_at: '2026-11-23T10:00:00.000Z',
      updated_at: '2026-11-23T10:00:00.000Z',
    } satisfies Message);
  });
});
