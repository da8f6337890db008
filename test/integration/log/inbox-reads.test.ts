import type { LogOwner, NewMessage } from '../../../src/log/log-types.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { inboxRows } from './inbox-rows.js';

const HOLDER = { connectionId: 'socket-1', agentId: null };

describe('what waits for agents', () => {
  let database: TestDatabase;
  let node: LogNode;
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
  });
  beforeEach(async () => {
    account = await anAccount(node);
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });

  const append = (user: string, sender: NewMessage['sender'], fields: Parameters<typeof aMessage>[0] = {}) =>
    node.appender.append(account, user, aMessage({ sender, ...fields }));
  const rows = () => inboxRows(node, account);
  const ownerOf = async (user: string): Promise<LogOwner> => node.users.ensure(account, user);
  /** A user whose session exists and has nothing that waits. */
  const withSession = async (user = 'ann'): Promise<LogOwner> => {
    await append(user, 'assistant', { agentSessionId: 'one-of-' + user });
    return ownerOf(user);
  };

  describe('as agents read it', () => {
    it('brings open sessions of the account, the longest first, with session, owner and claim', async () => {
      for (const user of ['ann', 'ben', 'eve']) await append(user, 'user', { agentSessionId: `of-${user}` });
      await append('ann', 'user');
      const foreign = await anAccount(node);
      await node.appender.append(foreign, 'zoe', aMessage({ sender: 'user' }));
      const ben = await ownerOf('ben');
      const claim = await node.claims.claim(ben, 'of-ben', HOLDER);
      const pending = await node.inbox.pending(account, 10);
      expect(pending.map(({ owner, sinceSeq, claim }) => [owner.platformUserId, sinceSeq, claim])).toEqual([
        ['ann', 1, null],
        ['ben', 1, claim],
        ['eve', 1, null],
      ]);
      expect(pending[1]?.owner).toEqual(ben);
      expect(pending[1]?.session).toEqual(await node.sessions.get(aKey(account), 'of-ben'));
      expect(await node.inbox.pending(account, 2)).toEqual(pending.slice(0, 2));
      expect(await node.inbox.pendingOf(ben, 'of-ben')).toEqual(pending[1]);
      expect(await node.inbox.pendingOf(ben, 'of-ann')).toBeUndefined();
    });

    it('leaves out what is closed until it is open again', async () => {
      await append('ann', 'user', { agentSessionId: 'one' });
      const patch = (status: 'open' | 'closed') =>
        node.sessions.patch(aKey(account), 'one', { status, context_mode: 'replace' });
      await patch('closed');
      expect(await node.inbox.pending(account, 10)).toEqual([]);
      const ann = await ownerOf('ann');
      expect(await node.inbox.pendingOf(ann, 'one')).toBeUndefined();
      await append('ben', 'user', { agentSessionId: 'two' });
      await patch('open');
      const names = (await node.inbox.pending(account, 10)).map(({ session }) => session.agent_session_id);
      expect(names).toEqual(['two', 'one']); // it waits from now on
      await patch('closed');
      await node.inbox.ack(ann, 'one', 1);
      await patch('open');
      expect(await rows()).toEqual([{ user: 'ben', session: 'two', since: 1 }]);
    });

    it('leaves out what is closed also when part of it is handled then', async () => {
      const owner = await withSession();
      for (const _ of [1, 2]) await append('ann', 'user');
      const patch = (status: 'open' | 'closed') =>
        node.sessions.patch(aKey(account), 'one-of-ann', { status, context_mode: 'replace' });
      await patch('closed');
      await node.inbox.ack(owner, 'one-of-ann', 2);
      expect(await node.inbox.pending(account, 10)).toEqual([]);
      await patch('open');
      expect(await node.inbox.pending(account, 10)).toMatchObject([{ sinceSeq: 3 }]);
    });

    it('can leave out what others are routed to, or hold', async () => {
      const route = (user: string, agent_id: string) =>
        node.sessions.patch(aKey(account), `of-${user}`, { agent_id, context_mode: 'replace' });
      const users = ['ann', 'ben', 'cat', 'dan'];
      for (const user of users) await append(user, 'user', { agentSessionId: `of-${user}` });
      await route('ann', 'bot-1');
      await route('ben', 'bot-2');
      await node.claims.claim(await ownerOf('cat'), 'of-cat', { connectionId: 'socket-2', agentId: null });
      await node.claims.claim(await ownerOf('dan'), 'of-dan', HOLDER);
      const names = async (filter: Parameters<typeof node.inbox.pending>[2]) =>
        (await node.inbox.pending(account, 10, filter)).map(({ owner }) => owner.platformUserId);
      expect(await names({ agentIds: ['bot-1'] })).toEqual(['ann', 'cat', 'dan']);
      expect(await names({ agentIds: [] })).toEqual(['cat', 'dan']);
      expect(await names({ connectionIds: [HOLDER.connectionId] })).toEqual(['ann', 'ben', 'dan']);
      expect(await names({ agentIds: ['bot-2'], connectionIds: [] })).toEqual(['ben']);
    });

    it('is of each routing so much at most, the longest first', async () => {
      const routes = ['bot-1', 'bot-1', 'bot-1', null, 'bot-2', null, 'bot-1', null, 'bot-3'];
      for (const [index, agent_id] of routes.entries()) {
        const id = `${index} ${agent_id}`;
        await append(`user-${index}`, 'user', { agentSessionId: id });
        if (agent_id) await node.sessions.patch(aKey(account), id, { agent_id, context_mode: 'replace' });
      }
      const filter = { agentIds: ['bot-1', 'bot-2', 'bot-4'], connectionIds: ['socket-1'] };
      const names = async () =>
        (await node.inbox.pending(account, 2, filter)).map(({ session }) => session.agent_session_id);
      expect(await names()).toEqual(['0 bot-1', '1 bot-1', '3 null', '4 bot-2', '5 null']);
      await node.claims.claim(await ownerOf('user-0'), '0 bot-1', { connectionId: 'x', agentId: 'bot-1' });
      expect(await names()).toEqual(['1 bot-1', '2 bot-1', '3 null', '4 bot-2', '5 null']);
    });

    it('says where the session ends', async () => {
      await append('ann', 'user', { agentSessionId: 'one' });
      await append('ann', 'user');
      await append('ann', 'user', { agentSessionId: 'two' });
      expect(await node.inbox.pending(account, 10)).toMatchObject([
        { sinceSeq: 1, lastSeq: 2 },
        { sinceSeq: 3, lastSeq: 3 },
      ]);
    });

    it('brings the user’s messages that wait, in order, without what others wrote or what was deleted', async () => {
      const owner = await withSession();
      for (const sender of ['user', 'user', 'assistant', 'user', 'user', 'user'] as const)
        await append('ann', sender, { content: 'Hi' });
      await append('ann', 'user', { agentSessionId: 'elsewhere' });
      await node.changes.delete(owner, 6);
      const { sinceSeq } = (await node.inbox.pendingOf(owner, 'one-of-ann'))!;
      const messages = await node.inbox.messages(owner, 'one-of-ann', sinceSeq, 10);
      expect(messages.map(({ seq }) => seq)).toEqual([5, 7]);
      expect(messages[0]).toEqual(await node.reader.message(owner, 5));
      expect(await node.inbox.messages(owner, 'one-of-ann', sinceSeq, 1)).toEqual([messages[0]]);
    });

    it('brings fewer when they are long, and one at least', async () => {
      const owner = await withSession();
      const long = 'x'.repeat(900_000);
      for (const _ of [1, 2, 3, 4]) await append('ann', 'user', { content: long });
      const messages = await node.inbox.messages(owner, 'one-of-ann', 2, 10);
      expect(messages.map(({ seq }) => seq)).toEqual([2, 3, 4]);
    });

    it('waits no longer once all that waited was deleted', async () => {
      const owner = await withSession();
      await append('ann', 'user');
      await append('ann', 'user');
      await node.changes.delete(owner, 2);
      await node.changes.delete(owner, 3);
      expect(await node.inbox.messages(owner, 'one-of-ann', 2, 10)).toEqual([]);
      expect(await rows()).toEqual([]);
      await append('ann', 'user');
      expect((await rows()).map(({ since }) => since)).toEqual([6]);
    });
  });

  describe('handled without a reply', () => {
    it('up to a position: what came later waits', async () => {
      const owner = await withSession();
      for (const _ of [1, 2, 3]) await append('ann', 'user');
      await node.inbox.ack(owner, 'one-of-ann', 3, HOLDER);
      expect((await rows()).map(({ since }) => since)).toEqual([4]);
      await node.inbox.ack(owner, 'one-of-ann', 2, HOLDER);
      expect((await rows()).map(({ since }) => since)).toEqual([4]);
      await node.inbox.ack(owner, 'one-of-ann', 1_000_000, HOLDER);
      expect(await rows()).toEqual([]);
      await append('ann', 'user');
      expect((await rows()).map(({ since }) => since)).toEqual([5]);
    });

    it('only by whom the session is routed to, if it is', async () => {
      const owner = await withSession();
      await append('ann', 'user');
      const route = { agent_id: 'bot', context_mode: 'replace' } as const;
      await node.sessions.patch(aKey(account), 'one-of-ann', route);
      await expect(node.inbox.ack(owner, 'one-of-ann', 2, HOLDER)).rejects.toMatchObject({
        code: 'resource_conflict',
        details: { routed_to: 'bot' },
      });
      expect(await rows()).toHaveLength(1);
      await node.inbox.ack(owner, 'one-of-ann', 2, { ...HOLDER, agentId: 'bot' });
      expect(await rows()).toEqual([]);
    });

    it('only by who holds the session, if somebody does', async () => {
      const owner = await withSession();
      await append('ann', 'user');
      await node.claims.claim(owner, 'one-of-ann', HOLDER);
      const other = { connectionId: 'socket-2', agentId: null };
      await expect(node.inbox.ack(owner, 'one-of-ann', 2, other)).rejects.toMatchObject({
        code: 'resource_conflict',
      });
      expect(await rows()).toHaveLength(1);
      await node.inbox.ack(owner, 'one-of-ann', 2, HOLDER);
      expect(await rows()).toEqual([]);
    });
  });
});
