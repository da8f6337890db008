import fc from 'fast-check';
import type { LogOwner, NewMessage } from '../../../src/log/log-types.js';
import { APPEND, APPEND_USUAL } from '../../../src/log/persistence/append.sql.js';
import { APPEND_EACH, APPEND_ONE } from '../../../src/log/persistence/append-each.sql.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { holdHead } from '../../support/head-lock.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { inboxRows, keyOf, waitingInLog } from './inbox-rows.js';
import { statementsOf } from './statements.js';

const HOLDER = { connectionId: 'socket-1', agentId: null };

describe('the inbox', () => {
  let database: TestDatabase;
  let node: LogNode;
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
  });
  beforeEach(async () => {
    account = await anAccount(node);
    node.bus.rings.length = 0;
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  const append = (user: string, sender: NewMessage['sender'], fields: Parameters<typeof aMessage>[0] = {}) =>
    node.appender.append(account, user, aMessage({ sender, ...fields }));
  const rows = () => inboxRows(node, account);
  const ownerOf = async (user: string): Promise<LogOwner> => node.users.ensure(account, user);
  /** A user whose session `one` exists and has nothing that waits. */
  const withSession = async (user = 'ann'): Promise<LogOwner> => {
    await append(user, 'assistant', { agentSessionId: 'one-of-' + user });
    return ownerOf(user);
  };

  describe('of a message that is appended alone', () => {
    it('has a row from the user’s first message on, until somebody answers', async () => {
      await withSession();
      const ran = await statementsOf(async () => {
        await append('ann', 'user');
        await append('ann', 'user');
        expect(await rows()).toEqual([{ user: 'ann', session: 'one-of-ann', since: 2 }]);
        await append('ann', 'assistant');
        expect(await rows()).toEqual([]);
        await append('ann', 'user');
        expect(await rows()).toEqual([{ user: 'ann', session: 'one-of-ann', since: 5 }]);
        await append('ann', 'system'); // a notice answers nothing
        expect(await rows()).toEqual([{ user: 'ann', session: 'one-of-ann', since: 5 }]);
        await append('ann', 'assistant');
        expect(await rows()).toEqual([]);
        await append('ann', 'system');
        expect(await rows()).toEqual([]);
      });
      const names = ran.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining([APPEND_ONE.user.name, APPEND_ONE.assistant.name]));
      expect(names).not.toContain(APPEND.name);
    });

    it('in a session that it makes, or that is not the current one', async () => {
      const ran = await statementsOf(async () => {
        await append('ann', 'user', { agentSessionId: 'born' });
        await append('ann', 'assistant', { agentSessionId: 'other' });
        await append('ann', 'user', { agentSessionId: 'other' });
      });
      expect(ran.map(({ name }) => name)).toContain(APPEND.name);
      expect(await rows()).toEqual([
        { user: 'ann', session: 'born', since: 1 },
        { user: 'ann', session: 'other', since: 3 },
      ]);
      await append('ann', 'system', { agentSessionId: 'born' });
      expect(await rows()).toHaveLength(2);
      await append('ann', 'assistant', { agentSessionId: 'born' });
      expect(await rows()).toEqual([{ user: 'ann', session: 'other', since: 3 }]);
    });

    it('is not touched by what is not written: a repeat, a reused id, a closed session', async () => {
      await withSession();
      await append('ann', 'user', { clientMessageId: 'mine' });
      await append('ann', 'assistant');
      await append('ann', 'user', { clientMessageId: 'mine' });
      await expect(append('ann', 'user', { clientMessageId: 'mine', content: 'other' })).rejects.toThrow();
      expect(await rows()).toEqual([]);
      await node.sessions.patch(aKey(account), 'one-of-ann', { status: 'closed', context_mode: 'replace' });
      await expect(append('ann', 'user', { agentSessionId: 'one-of-ann' })).rejects.toThrow('closed');
      expect(await rows()).toEqual([]);
    });
  });

  describe('of messages that are appended together', () => {
    it.each<[string, NewMessage['sender'][], number | undefined]>([
      ['only the user’s', ['user', 'user'], 2],
      ['only an answer', ['assistant', 'assistant'], undefined],
      ['a question and its answer', ['user', 'assistant'], undefined],
      ['an answer and the next question', ['assistant', 'user', 'user'], 3],
      ['a question and a notice', ['user', 'system'], 2],
      ['a notice and a question', ['system', 'user', 'system'], 3],
      ['everything', ['user', 'system', 'user', 'assistant', 'user'], 6],
    ])('%s', async (_, senders, since) => {
      const users = ['ann', 'ben', 'eve'];
      for (const user of users) await withSession(user);
      await append('eve', 'user'); // her row is there already
      const ran = await statementsOf(async () => {
        await Promise.all(users.flatMap((user) => senders.map((sender) => append(user, sender))));
      });
      const names = ran.map(({ name }) => name);
      expect(names).toContain(APPEND_USUAL.name);
      expect(names).not.toContain(APPEND.name);
      const ofEve = senders.every((sender) => sender !== 'assistant') ? 2 : since && since + 1;
      expect((await rows()).map(({ user, since }) => [user, since])).toEqual(
        [
          ['ann', since],
          ['ben', since],
          ['eve', ofEve],
        ].filter(([, seq]) => seq !== undefined),
      );
      expect(await rows()).toEqual(await waitingInLog(node, account));
    });

    it.each<[keyof typeof APPEND_EACH, NewMessage['sender'][], number[]]>([
      ['user', ['user', 'user', 'user'], [2, 2, 2]],
      ['assistant', ['assistant', 'assistant', 'assistant'], []],
      ['mixed', ['user', 'assistant', 'system'], [2, 2]],
      ['mixed', ['system', 'system', 'user'], [2]],
    ])('of as many users (%s: %j)', async (kind, senders, since) => {
      const users = ['zoe', 'ann', 'ben'];
      for (const user of users) await withSession(user);
      await append('ben', 'user'); // is there already
      const ran = await statementsOf(async () => {
        await Promise.all(senders.map((sender, i) => append(users[i] as string, sender)));
      });
      expect(ran.map(({ name }) => name)).toEqual([APPEND_EACH[kind].name]);
      expect((await rows()).map(({ since }) => since)).toEqual(since);
      expect(await rows()).toEqual(await waitingInLog(node, account));
    });

    it('is what the log says, whatever is appended together, answered and handled', async () => {
      const item = fc.record({
        user: fc.integer({ min: 0, max: 3 }),
        session: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined, freq: 1 }),
        sender: fc.constantFrom<NewMessage['sender']>('user', 'user', 'user', 'assistant', 'system'),
        clientId: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 2 }),
      });
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ append: fc.array(item, { minLength: 1, maxLength: 12 }) }) },
        { weight: 1, arbitrary: fc.record({ ack: fc.tuple(fc.nat(30), fc.nat(12)) }) },
        { weight: 1, arbitrary: fc.record({ reply: fc.nat(30) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
          account = await anAccount(node);
          const handled = new Map<string, number>();
          for (const step of steps) {
            if ('append' in step)
              await Promise.all(
                step.append.map(({ user, session, sender, clientId }) =>
                  append(`user-${user}`, sender, {
                    ...(session !== undefined && { agentSessionId: `session-${user}-${session}` }),
                    ...(clientId !== undefined && { clientMessageId: `id-${clientId}`, content: 'same' }),
                  }).catch(refused),
                ),
              );
            const waiting = await rows();
            const named = 'ack' in step ? step.ack[0] : 'reply' in step ? step.reply : 0;
            const one = waiting[named % (waiting.length || 1)];
            if (one && 'ack' in step) {
              const upTo = one.since + step.ack[1];
              const { head } = await headOf(one.user);
              await node.inbox.ack(await ownerOf(one.user), one.session, upTo, HOLDER);
              handled.set(keyOf(one.user, one.session), Math.min(upTo, head));
            }
            if (one && 'reply' in step) {
              const { head } = await headOf(one.user);
              const message = aMessage({ agentSessionId: one.session }) as Required<NewMessage>;
              await node.replies.reply(await ownerOf(one.user), message, HOLDER, {
                sinceSeq: one.since,
                upTo: head,
              });
            }
            expect(await rows()).toEqual(await waitingInLog(node, account, handled));
          }
        }),
        { numRuns: 60 },
      );
    });
  });

  describe('when somebody waits for the lock of the head', () => {
    it('a message of the user finds the answer before it, and waits for another', async () => {
      const { userId } = await withSession();
      await append('ann', 'user');
      const lock = await holdHead(database.connection, userId);
      const other = await startLogNode(database.url);
      const answered = append('ann', 'assistant');
      await lock.waiters(1);
      const asked = other.appender.append(account, 'ann', aMessage({ sender: 'user' }));
      await lock.waiters(2);
      await lock.release();
      const [, { message }] = await Promise.all([answered, asked]);
      expect(message.seq).toBe(4);
      expect(await rows()).toEqual([{ user: 'ann', session: 'one-of-ann', since: 4 }]);
      await other.close();
    });

    it('an answer handles nothing that began to wait after it was begun: its writer cannot have known it', async () => {
      const { userId } = await withSession();
      const lock = await holdHead(database.connection, userId);
      const other = await startLogNode(database.url);
      const asked = other.appender.append(account, 'ann', aMessage({ sender: 'user' }));
      await lock.waiters(1);
      const answered = append('ann', 'assistant');
      await lock.waiters(2);
      await lock.release();
      await Promise.all([asked, answered]);
      expect(await rows()).toEqual([{ user: 'ann', session: 'one-of-ann', since: 2 }]);
      await other.close();
    });
  });

  it('rings for each message of a user after its commit, and for nothing else that is appended', async () => {
    const owner = await withSession();
    await append('ann', 'user');
    await append('ann', 'assistant');
    await append('ann', 'user', { agentSessionId: 'new' });
    const ring = { kind: 'inbox', accountId: account, userId: owner.userId, platformUserId: 'ann' };
    expect(node.bus.rings).toEqual([
      { ...ring, agentSessionId: 'one-of-ann', seq: 2 },
      { ...ring, agentSessionId: 'new', seq: 4 },
    ]);
  });

  async function headOf(user: string): Promise<{ head: number }> {
    const { userId } = await ownerOf(user);
    return { head: (await node.reader.heads([userId])).get(userId)!.seq };
  }
});

/** A reused client message id. */
function refused(error: unknown): void {
  expect(error).toMatchObject({ code: 'resource_conflict' });
}
