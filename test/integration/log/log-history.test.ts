import fc from 'fast-check';
import type { LogEntry } from '../../../src/kernel/events.js';
import type { ParleyError } from '../../../src/kernel/errors.js';
import type { Message, Session } from '../../../src/kernel/wire.dto.js';
import type { MessagePage } from '../../../src/log/log-reader.js';
import { OFFSET_PAGE_BYTES } from '../../../src/log/page-bytes.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

type Operation =
  | { do: 'append'; sender: 'user' | 'assistant' | 'system'; session: string | undefined }
  | { do: 'edit' | 'delete' | 'read' | 'read up to'; at: number }
  | { do: 'session'; session: string; status: 'open' | 'closed' | undefined; title: string };

const at = fc.nat(40);
const session = fc.constantFrom('a', 'b', 'c');
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sender: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const),
      session: fc.option(session, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('edit' as const, 'delete' as const, 'read' as const), at }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read up to' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('session' as const),
      session,
      status: fc.constantFrom('open' as const, 'closed' as const, undefined),
      title: fc.constantFrom('x', 'y'),
    }),
  },
);
/** Operations; those of one inner list happen at once, by two nodes. */
const history = fc.array(fc.array(operation, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 25,
});

// Some 3,000 operations, each with its own commit, and every log read several times over.
jest.setTimeout(90_000);

/** What a client holds: every message and session it knows of, and how far it has read. */
interface Copy {
  position: number;
  messages: Map<number, Message>;
  sessions: Map<string, Session>;
}

describe('a log after a random history', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;
  let user = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
  });
  beforeEach(async () => {
    account = await anAccount(nodes[0]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });

  const perform = async (node: LogNode, owner: LogOwner, step: Operation): Promise<unknown> => {
    const { changes, appender, sessions } = node;
    if (step.do === 'append') {
      const agentSessionId = step.session && `${owner.platformUserId}-${step.session}`;
      return appender.append(
        account,
        owner.platformUserId,
        aMessage({ sender: step.sender, agentSessionId }),
      );
    }
    if (step.do === 'session') {
      const { status, title } = step;
      const id = `${owner.platformUserId}-${step.session}`;
      return sessions.patch(aKey(account), id, { status, title, context_mode: 'replace' });
    }
    if (step.do === 'edit')
      return changes.edit(owner, step.at, { payload: { content: `edited ${Math.random()}` } });
    if (step.do === 'delete') return changes.delete(owner, step.at);
    if (step.do === 'read') return changes.readMessages(owner, [step.at]);
    return changes.readUpTo(owner, step.at);
  };

  /** Some operations have nothing to act on; nothing else may go wrong. */
  const performAll = async (owner: LogOwner, steps: Operation[]): Promise<void> => {
    const results = await Promise.allSettled(
      steps.map((step, index) => perform(nodes[index % 2] as LogNode, owner, step)),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as ParleyError] : [],
    );
    for (const failure of failures)
      if (!['resource_not_found', 'resource_conflict'].includes(failure.code)) throw failure;
  };

  /** Everything there is, read from the lists. */
  const readAll = async (owner: LogOwner): Promise<Copy> => {
    const { reader, sessions } = nodes[0];
    const messages = (await reader.page(owner, { limit: 1000 })).messages.parse();
    const query = { platform_user_id: owner.platformUserId, limit: 200 };
    const list = await sessions.list(aKey(account), query);
    return {
      position: (await reader.heads([owner.userId])).get(owner.userId)?.seq ?? NaN,
      messages: new Map(messages.map((message) => [message.seq, message])),
      sessions: new Map(list.sessions.map((each) => [each.agent_session_id, each])),
    };
  };

  const replay = async (owner: LogOwner, position: number, limit: number): Promise<LogEntry[]> => {
    const all: LogEntry[] = [];
    for (let from = position; ;) {
      const { entries, complete } = await nodes[1].reader.after(owner.userId, from, limit);
      all.push(...entries);
      if (complete) return all;
      from = entries.at(-1)?.seq ?? from;
    }
  };

  it('has counts that equal a real count, and brings a client from any position to the present', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (batches) => {
        const owner = await nodes[0].users.ensure(account, `user-${user++}`);
        const copies: Copy[] = [await readAll(owner)];
        for (const batch of batches) {
          await performAll(owner, batch);
          if (copies.length < 3) copies.push(await readAll(owner));
        }
        const now = await readAll(owner);
        await expectTrueCounts(owner, now);
        for (const copy of copies) {
          const entries = await replay(owner, copy.position, 1000);
          expectInOrder(entries, copy.position);
          expect(messagesIn(entries)).toEqual([...now.messages.keys()].filter((seq) => seq > copy.position));
          expect(withoutReadState(apply(copy, entries))).toEqual(withoutReadState(now));
          for (const limit of [1, 3]) expect(await replay(owner, copy.position, limit)).toEqual(entries);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same log from both ends and page by page', async () => {
    const owner = await nodes[0].users.ensure(account, 'pages');
    for (let index = 0; index < 25; index++)
      await perform(nodes[0], owner, { do: 'append', sender: 'assistant', session: 'a' });
    await nodes[0].changes.readUpTo(owner, 5);
    await nodes[0].changes.readMessages(owner, [9]);
    const { reader } = nodes[1];
    const messagesOf = async (page: Promise<MessagePage>) => (await page).messages.parse();
    const all = await messagesOf(reader.page(owner, { limit: 100 }));
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect(all.filter(({ read }) => read).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 9]);
    expect((await messagesOf(reader.page(owner, { limit: 100, order: 'desc' }))).reverse()).toEqual(all);
    expect(await messagesOf(reader.page(owner, { limit: 3, after: 5, before: 8 }))).toEqual(all.slice(5, 7));
    expect(await messagesOf(reader.page(owner, { limit: 3, after: 5 }))).toEqual(all.slice(5, 8));
    expect(await messagesOf(reader.page(owner, { limit: 3, before: 8, order: 'desc' }))).toEqual(
      all.slice(4, 7).reverse(),
    );
    expect(await messagesOf(reader.pageByOffset(owner, 3, 4))).toEqual(all.slice(4, 7));
    expect(await messagesOf(reader.unread(owner, { limit: 100 }))).toEqual(all.filter(({ read }) => !read));
    const inSession = { limit: 2, after: 8, agentSessionId: 'pages-a' };
    expect(await messagesOf(reader.unread(owner, inSession))).toEqual([all[9], all[10]]);
    expect(await messagesOf(reader.unread(owner, { limit: 2, agentSessionId: 'nobody' }))).toEqual([]);
  });

  it('is skipped by offset however many bytes that is', async () => {
    const owner = await nodes[0].users.ensure(account, 'offset');
    for (let index = 0; index < 6; index++)
      await perform(nodes[0], owner, { do: 'append', sender: 'assistant', session: undefined });
    await nodes[0].dataSource.query('UPDATE messages SET bytes = $2 WHERE user_id = $1', [
      owner.userId,
      OFFSET_PAGE_BYTES / 2,
    ]);
    const { messages, total } = await nodes[1].reader.pageByOffset(owner, 2, 4);
    expect(messages.parse().map(({ seq }) => seq)).toEqual([5, 6]);
    expect(total).toBe(6);
    const short = await nodes[1].reader.pageByOffset(owner, 3, 0);
    expect(short.messages.parse().map(({ seq }) => seq)).toEqual([1, 2]);
  });

  const expectTrueCounts = async (owner: LogOwner, { messages }: Copy): Promise<void> => {
    const unread = [...messages.values()].filter(
      ({ payload, read, deleted_at }) => payload.sender !== 'user' && !read && deleted_at === undefined,
    );
    const { reader } = nodes[1];
    expect((await reader.page(owner, { limit: 1 })).total).toBe(messages.size);
    const list = await reader.unread(owner, { limit: 1000 });
    expect(list.total).toBe(unread.length);
    expect(list.messages.parse().map(({ seq }) => seq)).toEqual(unread.map(({ seq }) => seq));
    const { state } = await nodes[0].reader.after(owner.userId, 0, 1);
    expect(state).toEqual((await reader.heads([owner.userId])).get(owner.userId));
    expect(state.unread_count).toBe(unread.length);
  };
});

/** Positions grow; a message and the session that it made share one. */
function expectInOrder(entries: LogEntry[], after: number): void {
  let last: Pick<LogEntry, 'seq' | 'event'> = { seq: after, event: 'session' };
  for (const entry of entries) {
    if (last.event === 'message' && entry.event === 'session')
      expect(entry.seq).toBeGreaterThanOrEqual(last.seq);
    else expect(entry.seq).toBeGreaterThan(last.seq);
    last = entry;
  }
}

function messagesIn(entries: LogEntry[]): number[] {
  return entries.flatMap(({ event, seq }) => (event === 'message' ? [seq] : []));
}

/** What a client does with what it is sent. */
function apply({ position, messages, sessions }: Copy, entries: LogEntry[]): Copy {
  const result = { position, messages: new Map(messages), sessions: new Map(sessions) };
  for (const entry of entries) {
    result.position = entry.seq;
    if (entry.event === 'session') result.sessions.set(entry.data.agent_session_id, entry.data);
    else result.messages.set(entry.data.parse().seq, entry.data.parse());
  }
  return result;
}

/** The horizon moves without touching messages, and a session's last message is no change of the session. */
function withoutReadState({ messages, sessions }: Copy): unknown {
  const plain = [...messages.values()].map(({ read: _read, read_at: _at, ...message }) => message);
  const open = [...sessions.values()].map(({ last_message_at: _at, ...each }) => each);
  return {
    messages: plain.sort((a, b) => a.seq - b.seq),
    sessions: open.sort((a, b) => a.agent_session_id.localeCompare(b.agent_session_id)),
  };
}
