import type { Holder, Told } from '../../../src/log/claims.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import type { Reply } from '../../../src/log/replies.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { holdHead } from '../../support/head-lock.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { inboxRows } from './inbox-rows.js';

const ALICE = { connectionId: 'socket-alice', agentId: 'alice' };
const BOB = { connectionId: 'socket-bob', agentId: 'bob' };

describe('a reply of an agent', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;
  let ann: LogOwner;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
  });
  beforeEach(async () => {
    account = await anAccount(nodes[0]);
    await ask();
    ann = await nodes[0].users.ensure(account, 'ann');
    for (const { bus } of nodes) bus.hints.length = bus.rings.length = 0;
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });

  const ask = async () => {
    const message = aMessage({ sender: 'user', agentSessionId: 'one' });
    return (await nodes[0].appender.append(account, 'ann', message)).message.seq;
  };
  const reply = (holder: Holder, told?: Told, fields: Partial<Reply> & { content?: string } = {}, node = 0) =>
    nodes[node]!.replies.reply(ann, aMessage({ agentSessionId: 'one', ...fields }) as Reply, holder, told);
  const waiting = async () => (await inboxRows(nodes[0], account)).map(({ since }) => since);
  const expire = () =>
    nodes[0].dataSource.query(
      "UPDATE claims SET expires_at = clock_timestamp() - interval '1 ms' WHERE user_id = $1",
      [ann.userId],
    );
  const holderOf = async () =>
    (
      await nodes[0].dataSource.query<{ holder: string }[]>(
        'SELECT holder FROM claims WHERE user_id = $1 AND expires_at > clock_timestamp()',
        [ann.userId],
      )
    )[0]?.holder;
  const FIRST: Told = { sinceSeq: 1, upTo: 1 };
  const refused = { code: 'resource_conflict', status: 409 };

  it('is a message of the log like any other: position, counts, current session, hint', async () => {
    await nodes[0].appender.append(account, 'ann', aMessage({ agentSessionId: 'two' }));
    nodes[0].bus.hints.length = 0;
    const { message, replayed } = await reply(ALICE, FIRST, { content: 'Hi', metadata: { a: 1 } });
    expect(replayed).toBe(false);
    expect(message).toEqual(await nodes[1].reader.message(ann, 3));
    expect(message).toMatchObject({
      ...{ seq: 3, updated_seq: 3, agent_session_id: 'one', status: 'complete', read: false },
      ...{ payload: { content: 'Hi', sender: 'assistant', attachments: [] }, metadata: { a: 1 } },
    });
    const state = { seq: 3, read_seq: 0, unread_count: 2 };
    expect((await nodes[1].reader.heads([ann.userId])).get(ann.userId)).toEqual(state);
    const entries = [{ seq: 3, event: 'message', data: message }];
    expect(nodes[0].bus.hints).toEqual([{ kind: 'log', userId: ann.userId, entries, state, read: false }]);
    const page = await nodes[1].reader.page(ann, { limit: 10 });
    expect(page.total).toBe(3);
    const next = await nodes[0].appender.append(account, 'ann', aMessage());
    expect(next.message).toMatchObject({ seq: 4, agent_session_id: 'one' });
  });

  it('claims the session, handles what it was told and no more, and is announced once', async () => {
    await ask();
    await reply(ALICE, { sinceSeq: 1, upTo: 1 });
    expect(await holderOf()).toBe('socket-alice');
    expect(await waiting()).toEqual([2]);
    expect(nodes[0].bus.rings.filter(({ seq }) => seq === null)).toHaveLength(1);
    await reply(ALICE, { sinceSeq: 2, upTo: 2 });
    expect(await waiting()).toEqual([]);
  });

  it('that answers to nothing handles nothing', async () => {
    await reply(ALICE);
    expect(await waiting()).toEqual([1]);
  });

  it('is refused while somebody else holds the session, and nothing of it stays', async () => {
    await nodes[1].claims.claim(ann, 'one', BOB);
    await expect(reply(ALICE, FIRST)).rejects.toMatchObject({ ...refused, details: { agent_id: 'bob' } });
    await expect(reply(ALICE)).rejects.toMatchObject(refused);
    expect(await waiting()).toEqual([1]);
    expect((await nodes[0].reader.heads([ann.userId])).get(ann.userId)?.seq).toBe(1);
    expect(nodes[0].bus.hints).toEqual([]);
  });

  it('of an agent that slept beyond its lease is refused if another has answered, wherever that was', async () => {
    await nodes[0].claims.claim(ann, 'one', ALICE);
    await expire();
    await reply(BOB, FIRST, {}, 1);
    await expect(reply(ALICE, FIRST)).rejects.toMatchObject(refused); // it is Bob's now
    await nodes[1].claims.release(ann, 'one', BOB.connectionId);
    await expect(reply(ALICE, FIRST)).rejects.toMatchObject(refused); // it is nobody's, and answered
    expect(await holderOf()).toBeUndefined();
    await nodes[0].claims.claim(ann, 'one', ALICE);
    await expect(reply(ALICE, FIRST)).rejects.toMatchObject(refused); // it is hers again, and answered
  });

  it('of an agent that slept beyond its lease is taken if nobody has answered', async () => {
    await nodes[0].claims.claim(ann, 'one', ALICE);
    await expire();
    await reply(ALICE, FIRST);
    expect(await waiting()).toEqual([]);
    expect(await holderOf()).toBe('socket-alice');
  });

  it('is refused if part of what it answers to was handled by another', async () => {
    await ask();
    await reply(BOB, { sinceSeq: 1, upTo: 1 });
    await nodes[0].claims.release(ann, 'one', BOB.connectionId);
    await expect(reply(ALICE, { sinceSeq: 1, upTo: 2 })).rejects.toMatchObject(refused);
    expect(await waiting()).toEqual([2]);
  });

  it('is refused if somebody has answered over REST meanwhile', async () => {
    await nodes[0].claims.claim(ann, 'one', ALICE);
    await nodes[1].appender.append(account, 'ann', aMessage());
    await expect(reply(ALICE, FIRST)).rejects.toMatchObject(refused);
  });

  it('may have several parts, and go on with what came meanwhile', async () => {
    await reply(ALICE, FIRST);
    await reply(ALICE, FIRST);
    const seq = await ask();
    await reply(ALICE, { sinceSeq: 1, upTo: seq });
    expect(await waiting()).toEqual([]);
    const later = await ask();
    await expire();
    await reply(BOB, { sinceSeq: later, upTo: later });
    await expire();
    await expect(reply(ALICE, { sinceSeq: 1, upTo: later })).rejects.toMatchObject(refused);
  });

  it('that names up to where it answers is written once', async () => {
    const named = { ...FIRST, isNamed: true };
    const first = await reply(ALICE, named, { clientMessageId: 'mine' });
    await expect(reply(ALICE, named)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('handled before'),
    });
    expect(await reply(ALICE, named, { clientMessageId: 'mine' })).toEqual({ ...first, replayed: true });
    await reply(ALICE, FIRST, { content: 'one more' }); // names nothing
    const seq = await ask();
    await reply(ALICE, { sinceSeq: seq, upTo: 1_000, isNamed: true });
    await reply(ALICE, { sinceSeq: await ask(), upTo: 1_000, isNamed: true });
    expect(await waiting()).toEqual([]);
  });

  it('may answer in parts, whatever stands between the messages', async () => {
    await nodes[0].appender.append(account, 'ann', aMessage({ agentSessionId: 'two' }));
    const third = await ask();
    await reply(ALICE, FIRST);
    await reply(ALICE, { sinceSeq: FIRST.upTo + 1, upTo: third });
    expect(await waiting()).toEqual([]);
  });

  it('may answer to a message that was deleted meanwhile', async () => {
    const second = await ask();
    await nodes[0].changes.delete(ann, 1);
    await nodes[0].inbox.ack(ann, 'one', 1);
    await reply(ALICE, { sinceSeq: 1, upTo: second });
    await nodes[0].changes.delete(ann, await ask());
    expect(await nodes[0].inbox.messages(ann, 'one', 1, 10)).toHaveLength(1);
    expect(await waiting()).toHaveLength(1);
  });

  it('is refused if what it answers to was handled by others in the middle', async () => {
    await ask();
    const third = await ask();
    await reply(ALICE, FIRST);
    await expire();
    await nodes[1].inbox.ack(ann, 'one', 2);
    await expect(reply(ALICE, { sinceSeq: 1, upTo: third })).rejects.toMatchObject(refused);
    await reply(ALICE, { sinceSeq: third, upTo: third });
  });

  it('of two agents that answer at once is one, whichever got the lock of the head first', async () => {
    const lock = await holdHead(database.connection, ann.userId);
    const bobs = reply(BOB, FIRST, {}, 1);
    await lock.waiters(1);
    const alices = expect(reply(ALICE, FIRST)).rejects.toMatchObject(refused);
    await lock.waiters(2);
    await lock.release();
    await alices;
    expect((await bobs).message.seq).toBe(2);
  });

  it('handles what was told only: a message that came while it was written waits', async () => {
    const lock = await holdHead(database.connection, ann.userId);
    const asked = ask();
    await lock.waiters(1);
    const answered = reply(ALICE, FIRST, {}, 1);
    await lock.waiters(2);
    await lock.release();
    expect(await asked).toBe(2);
    expect((await answered).message.seq).toBe(3);
    expect(await waiting()).toEqual([2]);
  });

  it('is written once, also when it is repeated after the claim has gone', async () => {
    const fields = { clientMessageId: 'mine', content: 'once' };
    const first = await reply(ALICE, FIRST, fields);
    await nodes[0].claims.release(ann, 'one', ALICE.connectionId);
    await nodes[1].claims.claim(ann, 'one', BOB);
    nodes[0].bus.hints.length = nodes[0].bus.rings.length = 0;
    expect(await reply(ALICE, FIRST, fields)).toEqual({ message: first.message, replayed: true });
    expect([...nodes[0].bus.hints, ...nodes[0].bus.rings]).toEqual([]);
    expect(await holderOf()).toBe('socket-bob');
    await expect(reply(ALICE, FIRST, { ...fields, content: 'other' })).rejects.toMatchObject(refused);
    const overRest = aMessage({ agentSessionId: 'one', ...fields });
    expect(await nodes[1].appender.append(account, 'ann', overRest)).toMatchObject({ replayed: true });
  });

  it('is refused in a closed session and in another user’s, and makes one that is not there', async () => {
    await nodes[0].appender.append(account, 'ben', aMessage({ agentSessionId: 'of-ben' }));
    await expect(reply(ALICE, undefined, { agentSessionId: 'of-ben' })).rejects.toMatchObject({
      ...refused,
      details: { field: 'agent_session_id' },
    });
    const closed = { status: 'closed', context_mode: 'replace' } as const;
    await nodes[0].sessions.patch(aKey(account), 'one', closed);
    await expect(reply(ALICE, FIRST)).rejects.toThrow('closed');
    expect(await holderOf()).toBeUndefined();
    const { message } = await reply(ALICE, undefined, { agentSessionId: 'new' });
    expect(message).toMatchObject({ agent_session_id: 'new' });
    expect((await nodes[0].sessions.get(aKey(account), 'new')).status).toBe('open');
  });

  it('makes its session in its own transaction: what its user says meanwhile waits', async () => {
    const lock = await holdHead(database.connection, ann.userId);
    const answered = reply(ALICE, undefined, { agentSessionId: 'fresh' }, 1);
    await lock.waiters(1);
    const question = aMessage({ sender: 'user', agentSessionId: 'fresh' });
    const asked = nodes[0].appender.append(account, 'ann', question);
    await lock.waiters(2);
    await lock.release();
    expect((await answered).message).toMatchObject({ seq: 2, agent_session_id: 'fresh' });
    expect((await asked).message.seq).toBe(3);
    expect(await inboxRows(nodes[0], account)).toEqual([
      { user: 'ann', session: 'fresh', since: 3 },
      { user: 'ann', session: 'one', since: 1 },
    ]);
    const { entries } = nodes[1].bus.hints[0]!;
    expect(entries.map(({ event, seq }) => [event, seq])).toEqual([
      ['message', 2],
      ['session', 2],
    ]);
    expect(await holderOf()).toBe('socket-alice');
  });

  it('of two that make the same session is one more, in the order of the lock', async () => {
    const lock = await holdHead(database.connection, ann.userId);
    const first = reply(ALICE, undefined, { agentSessionId: 'both' });
    await lock.waiters(1);
    const second = reply(ALICE, undefined, { agentSessionId: 'both' }, 1);
    await lock.waiters(2);
    await lock.release();
    expect([(await first).message.seq, (await second).message.seq]).toEqual([2, 3]);
  });

  it('that is a notice of the system handles what its writer names, and nothing else', async () => {
    await reply(ALICE, FIRST, { sender: 'system' });
    expect(await waiting()).toEqual([1]);
    await reply(ALICE, { ...FIRST, isNamed: true }, { sender: 'system' });
    expect(await waiting()).toEqual([]);
  });

  it('is refused when it is too large', async () => {
    await expect(reply(ALICE, FIRST, { content: 'x'.repeat(1_048_576) })).rejects.toMatchObject({
      status: 413,
    });
    expect(await waiting()).toEqual([1]);
  });
});
