import type { Delta, LogEntry } from '../../../src/kernel/events.js';
import type { JsonText } from '../../../src/kernel/json-text.js';
import type { Message } from '../../../src/kernel/wire.dto.js';
import { LocalBus } from '../../../src/bus/local-bus.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aMessage } from '../../support/log-node.js';
import { aSource, NO_MESSAGE, startStreamNode, type StreamNode } from './stream-node.js';

let database: TestDatabase;
let node: StreamNode;
let bus: LocalBus;
let account: number;
const user = 'user-1';

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  bus = new LocalBus();
  node = await startStreamNode(database.url, { STREAM_TIMEOUT_MS: '600000' }, bus);
  const [row]: { id: number }[] = await node.dataSource.query(
    `INSERT INTO accounts (name) VALUES ('a' || random()) RETURNING id`,
  );
  account = row!.id;
});
afterEach(() => node.close());
afterAll(() => database.drop());

const conflictWith = (details: object): object =>
  expect.objectContaining({ code: 'resource_conflict', details: expect.objectContaining(details) });

async function started(more: object = {}): Promise<string> {
  const { message } = await node.streams.start(aSource(account), { platformUserId: user, ...more });
  return message.id;
}

const append = (id: string, offset: number, delta: string, on = node): Promise<{ offset: number }> =>
  on.streams.append(aSource(account), { message_id: id, offset, delta });

const finish = (id: string, end: object = {}, on = node): Promise<any> =>
  on.streams.finish(aSource(account), id, end);

async function savedText(id: string): Promise<string | undefined> {
  const { userId } = await node.users.ensure(account, user);
  const { messages } = await history();
  const seq = messages.find((message) => message.id === id)?.seq;
  return (await node.texts.of([userId])).get(userId)?.find((text) => text.seq === seq)?.text;
}

async function history(): Promise<{ messages: any[]; total: number }> {
  const page = await node.reader.page(await node.users.ensure(account, user), { limit: 100 });
  return { messages: page.messages.parse(), total: page.total };
}

describe('an answer in pieces', () => {
  it('is one message of the log: streaming at its start, then with the whole text', async () => {
    const entries: LogEntry[] = [];
    const owner = await node.users.ensure(account, user);
    await node.followers.join(owner.userId, { onEntry: (entry) => void entries.push(entry) });
    const id = await started({ payload: { mood: 'good' }, metadata: { a: 1 } });
    expect((await history()).messages).toEqual([
      expect.objectContaining({
        id,
        seq: 1,
        status: 'streaming',
        payload: { content: '', sender: 'assistant', attachments: [], mood: 'good' },
      }),
    ]);
    // `LiveTexts` knows by this whether it has to look inside: whoever wrote the JSON, this node or PostgreSQL.
    const [read] = (await node.reader.after(owner.userId, 0, 10)).entries;
    for (const entry of [entries[0], read])
      expect((entry?.data as JsonText<Message>).toString()).toContain('"status":"streaming"');
    await append(id, 0, 'Hello');
    await append(id, 5, ', world');
    const message = await finish(id, { payload: { mood: 'better' } });
    expect(message).toMatchObject({
      id,
      seq: 1,
      updated_seq: 2,
      status: 'complete',
      payload: { content: 'Hello, world', sender: 'assistant', attachments: [], mood: 'better' },
      metadata: { a: 1 },
    });
    expect(await history()).toEqual({ messages: [message], total: 1 });
    expect(entries.map(({ seq, event }) => `${event} ${seq}`)).toEqual([
      'message 1',
      'session 1',
      'message:updated 2',
    ]);
    expect(entries.at(-1)!.data).toEqual(message);
    expect(await node.dataSource.query('SELECT * FROM streams')).toEqual([]);
    expect(await node.dataSource.query('SELECT * FROM stream_texts')).toEqual([]);
  });

  it('is announced in pieces that join without gap or overlap, whatever their size', async () => {
    const deltas: Delta[] = [];
    const { userId } = await node.users.ensure(account, user);
    await bus.subscribe(userId, (hint) => void (hint.kind === 'delta' && deltas.push(hint.data)));
    const id = await started();
    const pieces = ['a', '😀'.repeat(1500), 'b', 'c'.repeat(5000), '', '\n"\\'];
    let text = '';
    for (const piece of pieces) {
      await append(id, text.length, piece);
      text += piece;
    }
    await eventually(() => expect(deltas.map(({ delta }) => delta).join('')).toBe(text));
    let offset = 0;
    for (const delta of deltas) {
      expect(delta).toMatchObject({ message_id: id, offset });
      expect(delta.delta.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(JSON.stringify(delta))).toBeLessThan(7500);
      offset += delta.delta.length;
    }
  });

  it('takes a repeat of what it has, and refuses a gap or another text, saying what it has', async () => {
    const id = await started();
    await append(id, 0, 'one two');
    expect(await append(id, 0, 'one')).toEqual({ offset: 7 });
    expect(await append(id, 4, 'two three')).toEqual({ offset: 13 });
    await expect(append(id, 14, 'x')).rejects.toEqual(conflictWith({ offset: 13 }));
    await expect(append(id, 0, 'One')).rejects.toEqual(conflictWith({ offset: 13 }));
    await expect(append(id, 8, 'three!')).resolves.toEqual({ offset: 14 });
    expect((await finish(id)).payload.content).toBe('one two three!');
  });

  it('refuses what cannot be stored, and a text beyond the limit of a message', async () => {
    const id = await started();
    await expect(append(id, 0, 'a\0b')).rejects.toMatchObject({ code: 'invalid_parameter' });
    await expect(append(id, 0, '\ud83d')).rejects.toMatchObject({ code: 'invalid_parameter' });
    await expect(append(id, 0, 'x'.repeat(1_048_576))).rejects.toMatchObject({ status: 413 });
    expect(await append(id, 0, 'still there')).toEqual({ offset: 11 });
    expect((await finish(id)).payload.content).toBe('still there');
  });

  it('is finished once: later calls hear how it ended', async () => {
    const id = await started();
    await append(id, 0, 'text');
    const message = await finish(id);
    expect(await finish(id, { status: 'cancelled' })).toEqual(message);
    await expect(append(id, 4, 'more')).rejects.toEqual(conflictWith({ status: 'complete' }));
    expect((await history()).messages).toEqual([message]);
  });

  it('is nobody else’s: another account knows no such message', async () => {
    const id = await started();
    const other = aSource(account + 1);
    const missing = expect.objectContaining({ code: 'resource_not_found' });
    await expect(node.streams.append(other, { message_id: id, offset: 0, delta: 'x' })).rejects.toEqual(
      missing,
    );
    await expect(node.streams.finish(other, id)).rejects.toEqual(missing);
    await expect(append(NO_MESSAGE, 0, 'x')).rejects.toEqual(missing);
    await expect(append('no id', 0, 'x')).rejects.toEqual(missing);
  });

  it('cannot be complete without text, unless there are attachments', async () => {
    const id = await started();
    await expect(finish(id)).rejects.toMatchObject({ code: 'invalid_parameter' });
    const attachments = [{ name: 'a', url: 'https://example.com/a' }];
    expect(await finish(id, { payload: { attachments } })).toMatchObject({
      status: 'complete',
      payload: { content: '', attachments },
    });
  });

  it('is not edited or deleted while it streams', async () => {
    const id = await started();
    const owner = await node.users.ensure(account, user);
    const [{ seq }] = (await history()).messages;
    await expect(node.changes.edit(owner, seq, { payload: { content: 'x' } })).rejects.toEqual(
      conflictWith({ status: 'streaming' }),
    );
    await expect(node.changes.delete(owner, seq)).rejects.toEqual(conflictWith({ status: 'streaming' }));
    await append(id, 0, 'text');
    await finish(id);
    expect((await node.changes.delete(owner, seq)).deleted_at).toBeDefined();
  });

  it('is unread once it is finished, and not before', async () => {
    const owner = await node.users.ensure(account, user);
    const unread = async (): Promise<number[]> => {
      const { messages, total } = await node.reader.unread(owner, { limit: 10 });
      return [total, messages.parse().length];
    };
    const id = await started();
    expect(await unread()).toEqual([0, 0]);
    expect(await node.changes.readUpTo(owner, 0)).toMatchObject({ unread_count: 0 });
    await append(id, 0, 'text');
    await finish(id);
    expect(await unread()).toEqual([1, 1]);
    expect(await node.changes.readUpTo(owner, 99)).toMatchObject({ unread_count: 0 });
    expect(await unread()).toEqual([0, 0]);
  });

  it('that was read while it streamed stays read', async () => {
    const owner = await node.users.ensure(account, user);
    const id = await started();
    await node.changes.readUpTo(owner, 99);
    await append(id, 0, 'text');
    expect(await finish(id)).toMatchObject({ read: true });
    expect((await node.reader.unread(owner, { limit: 10 })).total).toBe(0);
  });
});

describe('a start', () => {
  it('that is repeated goes on with what is there', async () => {
    const start = { platformUserId: user, clientMessageId: 'c1', agentSessionId: 's1' };
    const first = await node.streams.start(aSource(account), start);
    expect(first).toMatchObject({ offset: 0, replayed: false });
    await append(first.message.id, 0, 'abc');
    expect(await node.streams.start(aSource(account), start)).toMatchObject({
      message: { id: first.message.id },
      offset: 3,
      replayed: true,
    });
    await append(first.message.id, 3, 'def');
    const message = await finish(first.message.id);
    expect(await node.streams.start(aSource(account), start)).toEqual({ message, offset: 6, replayed: true });
    const other = { ...start, metadata: { other: true } };
    await expect(node.streams.start(aSource(account), other)).rejects.toEqual(
      conflictWith({ field: 'client_message_id' }),
    );
    expect((await history()).total).toBe(1);
  });

  it('goes to the session that is current, named or new, and to no closed or foreign one', async () => {
    const current = await node.appender.append(account, user, aMessage({ sender: 'user' }));
    const id = await started();
    const named = await started({ agentSessionId: 'mine' });
    const sessions = (await history()).messages.map((message) => message.agent_session_id);
    expect(sessions).toEqual([current.message.agent_session_id, current.message.agent_session_id, 'mine']);
    expect((await history()).messages.map((message) => message.id)).toEqual([current.message.id, id, named]);
    const refused = { platformUserId: 'user-2', agentSessionId: 'mine' };
    await expect(node.streams.start(aSource(account), refused)).rejects.toEqual(
      conflictWith({ field: 'agent_session_id' }),
    );
    await node.dataSource.query(`UPDATE sessions SET status = 'closed' WHERE agent_session_id = 'mine'`);
    await node.appender.append(account, user, aMessage({ agentSessionId: 'other' }));
    await expect(started({ agentSessionId: 'mine' })).rejects.toEqual(
      conflictWith({ field: 'agent_session_id' }),
    );
  });

  it('is refused when the key streams as many answers as it may', async () => {
    await node.close();
    node = await startStreamNode(database.url, { MAX_STREAMS_PER_KEY: '2' });
    const ids = [await started(), await started()];
    await expect(started()).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    const other = aSource(account, { keyId: 'another' });
    await expect(node.streams.start(other, { platformUserId: user })).resolves.toBeDefined();
    await finish(ids[0]!, { status: 'cancelled' });
    await expect(started()).resolves.toBeDefined();
  });
});

describe('what a user asked', () => {
  const pending = async (): Promise<number> => (await node.inbox.pending(account, 10)).length;

  it('is handled by the end of the answer, not by its start', async () => {
    await node.appender.append(account, user, aMessage({ sender: 'user' }));
    const id = await started();
    await append(id, 0, 'an answer');
    expect(await pending()).toBe(1);
    await finish(id);
    expect(await pending()).toBe(0);
  });

  it('is not handled by an answer that breaks off, but by one that its user stopped', async () => {
    await node.appender.append(account, user, aMessage({ sender: 'user' }));
    const broken = await started();
    await append(broken, 0, 'half');
    await finish(broken, { status: 'incomplete' });
    expect(await pending()).toBe(1);
    const stopped = await started();
    await append(stopped, 0, 'half');
    await finish(stopped, { status: 'cancelled' });
    expect(await pending()).toBe(0);
  });
});

describe('when PostgreSQL has crashed, which empties unlogged tables', () => {
  const crash = (): Promise<unknown> => node.dataSource.query('DELETE FROM stream_texts');

  it('an answer that is finished is whole: its node has the text', async () => {
    const id = await started();
    await append(id, 0, 'whole');
    await eventually(async () => expect(await savedText(id)).toBe('whole'));
    await crash();
    expect(await finish(id)).toMatchObject({ status: 'complete', payload: { content: 'whole' } });
  });

  it('an answer that goes on is asked for from its beginning', async () => {
    const id = await started();
    await append(id, 0, 'first');
    await eventually(async () => expect(await savedText(id)).toBe('first'));
    await crash();
    await append(id, 5, ' second').catch(() => undefined); // taken, but not saved
    await eventually(() => expect(append(id, 12, '')).rejects.toEqual(conflictWith({ offset: 0 })));
    await append(id, 0, 'first second');
    expect(await finish(id)).toMatchObject({ payload: { content: 'first second' } });
  });
});

describe('another node', () => {
  let other: StreamNode;
  beforeEach(async () => void (other = await startStreamNode(database.url, {}, bus)));
  afterEach(() => other.close());

  it('goes on from what was saved, and the first one cannot any more', async () => {
    const id = await started();
    await append(id, 0, 'first ');
    await eventually(async () => expect(await savedText(id)).toBe('first '));
    expect(await append(id, 6, 'second', other)).toEqual({ offset: 12 });
    await eventually(async () => expect(await savedText(id)).toBe('first second'));
    expect(await finish(id, {}, other)).toMatchObject({ payload: { content: 'first second' } });
    // What the first node takes now, it cannot save, and finds out.
    await eventually(() => expect(append(id, 6, 'x')).rejects.toEqual(conflictWith({ status: 'complete' })));
    expect((await history()).messages.at(-1).payload.content).toBe('first second');
  });

  it('finishes with the text that it knows, also when two nodes finish at once', async () => {
    const id = await started();
    await append(id, 0, 'whole');
    await eventually(async () => expect(await savedText(id)).toBe('whole'));
    const ends = await Promise.all([finish(id), finish(id, {}, other), finish(id), finish(id, {}, other)]);
    for (const end of ends) expect(end).toEqual(ends[0]);
    expect(ends[0]).toMatchObject({ status: 'complete', payload: { content: 'whole' } });
  });
});
