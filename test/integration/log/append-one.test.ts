import type { LogOwner, NewMessage } from '../../../src/log/log-types.js';
import type { AppendRow } from '../../../src/log/persistence/append.sql.js';
import { Item } from '../../../src/log/item.js';
import { BatchWriter } from '../../../src/log/persistence/batch-writer.js';
import { Subscriptions } from '../../../src/log/subscriptions.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { holdHead, holdLock } from '../../support/head-lock.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** At low load a batch is one message, and has a statement of its own: here each append is alone. */
describe('a message that is appended alone', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
  });
  beforeEach(async () => {
    account = await anAccount(nodes[0]);
    for (const { bus } of nodes) bus.hints.length = 0;
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });

  const append = (node: number, fields: Parameters<typeof aMessage>[0] = {}) =>
    (nodes[node] as LogNode).appender.append(account, 'ann', aMessage(fields));
  const ownerOf = async (user: string): Promise<LogOwner> => nodes[0].users.ensure(account, user);
  const close = (id: string) =>
    nodes[0].sessions.patch(aKey(account), id, { status: 'closed', context_mode: 'replace' });

  it('says how many are unread at its position, whoever writes and reads beside it', async () => {
    await append(0, { agentSessionId: 'one' });
    const owner = await ownerOf('ann');
    const write = async (node: number) => {
      for (let index = 0; index < 40; index++)
        await append(node, { sender: (index + node) % 3 === 0 ? 'user' : 'assistant' });
    };
    const read = async () => {
      for (let index = 0; index < 20; index++) await nodes[1].changes.readUpTo(owner, 4 * index);
    };
    await Promise.all([write(0), write(1), read()]);
    const messages = (await nodes[0].reader.page(owner, { limit: 1000 })).messages.parse();
    const hints = nodes.flatMap(({ bus }) => bus.hints);
    expect(messages).toHaveLength(81);
    expect(hints.filter(({ entries }) => entries.length > 0)).toHaveLength(81);
    const counted = hints.map(({ state }) => {
      const unread = messages.filter(
        ({ seq, payload }) => seq > state.read_seq && seq <= state.seq && payload.sender !== 'user',
      );
      return { ...state, unread_count: unread.length };
    });
    expect(hints.map(({ state }) => state)).toEqual(counted);
  });

  it('is refused when another message took its client_message_id while it waited', async () => {
    await append(0);
    const head = await holdHead(database.connection, (await ownerOf('ann')).userId);
    const first = append(0, { clientMessageId: 'same', content: 'this' });
    await head.waiters(1);
    const second = Promise.allSettled([append(1, { clientMessageId: 'same', content: 'that' })]);
    await head.waiters(2);
    await head.release();
    expect((await first).message.seq).toBe(2);
    expect(await second).toMatchObject([{ status: 'rejected', reason: { code: 'resource_conflict' } }]);
    expect((await append(1)).message.seq).toBe(3); // what was refused took no position
  });

  it('goes to the session that is current when its turn comes', async () => {
    await append(0, { agentSessionId: 'one' });
    await append(0, { agentSessionId: 'two' });
    const { userId } = await ownerOf('ann');
    const sessions = [];
    for (const closed of ['two', 'one']) {
      const head = await holdHead(database.connection, userId);
      const closing = close(closed);
      await head.waiters(1);
      const late = append(1);
      await head.waiters(2);
      await head.release();
      await closing;
      sessions.push((await late).message.agent_session_id);
    }
    expect(sessions).toEqual(['one', expect.stringMatching(/^ses_/)]);
  });

  it('begins a new log when its user was erased while it waited', async () => {
    await append(1);
    const { userId } = await ownerOf('ann');
    const erasing = await holdLock(
      database.connection,
      `WITH gone AS (DELETE FROM messages WHERE user_id = $1) DELETE FROM platform_users WHERE id = $1`,
      [userId],
    );
    const late = append(1, { clientMessageId: 'late' });
    await erasing.waiters(1);
    await erasing.release();
    expect((await late).message.seq).toBe(1);
    const left: unknown[] = await nodes[0].dataSource.query('SELECT FROM messages WHERE user_id = $1', [
      userId,
    ]);
    expect(left).toEqual([]);
  });

  it('becomes the same as in a batch', async () => {
    const writer = new BatchWriter(nodes[0].database, new Subscriptions());
    const write = (batch: readonly Item[]): ReturnType<BatchWriter['write']> =>
      writer.write(nodes[0].database, batch);
    // Each has a statement of its own: alone, beside others, beside one that has two.
    const triplets = [await ownerOf('alone'), await ownerOf('beside'), await ownerOf('together')] as const;
    const filler = await ownerOf('filler');
    const foreign = await ownerOf('foreign');
    await write([item(foreign, { agentSessionId: 'foreign' })]);
    const nobody = { ...foreign, userId: 4 };
    for (const fields of CASES) {
      const owners = fields.gone ? [nobody, nobody, nobody] : triplets;
      const [alone, beside, together] = owners.map((owner, index) =>
        item(owner, { ...fields, ...namedFor(fields, index) }),
      ) as [Item, Item, Item];
      const [one] = await write([alone]);
      const other = await write([item(filler, {}), beside]);
      const third = await write([item(filler, {}), together, item(filler, {})]);
      expect(comparable(other[1])).toEqual(comparable(one));
      expect(comparable(third[1])).toEqual(comparable(one));
    }
    const [heads, messages] = await Promise.all(
      [HEAD, MESSAGES].map((text) =>
        Promise.all(triplets.map(({ userId }) => nodes[0].dataSource.query<unknown[]>(text, [userId]))),
      ),
    );
    for (const other of [1, 2]) {
      expect(heads?.[other]).toEqual(heads?.[0]);
      expect(messages?.[other]).toEqual(messages?.[0]);
    }
    expect(messages?.[0]).toHaveLength(10);
  });
});

type Case = Partial<NewMessage> & { content?: string; gone?: boolean };

const CASES: Case[] = [
  { sender: 'assistant' }, // no session yet: a new one
  { sender: 'assistant' },
  { sender: 'user', content: '"\\ \n é 漢 😀' },
  { sender: 'system', metadata: { a: [1, null] } },
  { content: '{"a":"\\n"},\nNULL', metadata: { 'a\nb': '\r\n\u2028', NULL: '{}' }, clientMessageId: 'NULL' },
  { clientMessageId: 'a"b\\,{}' },
  { clientMessageId: 'a' },
  { clientMessageId: 'a' }, // a repeat
  { clientMessageId: 'a', content: 'other' }, // reused
  { agentSessionId: 'mine' }, // a new one
  { agentSessionId: 'mine', clientMessageId: 'b', sender: 'user' },
  { agentSessionId: 'foreign' },
  { gone: true },
  {},
];

const HEAD = `SELECT head_seq, read_seq, session_seq, unread_count, message_count, current_session IS NULL AS none
  FROM platform_users WHERE id = $1`;
const MESSAGES = `SELECT seq, updated_seq, sender, status, payload::text, metadata::text, bytes, client_message_id, request_hash,
    read_at, deleted_at, created_at = updated_at AS untouched FROM messages WHERE user_id = $1 ORDER BY seq`;

/** Sessions belong to one user: each names its own, except where the case is that it is another's. */
function namedFor({ agentSessionId }: Case, index: number): Partial<NewMessage> {
  return agentSessionId === 'mine' ? { agentSessionId: `mine-${index}` } : {};
}

function item(owner: LogOwner, { gone: _, ...fields }: Case): Item {
  const message = aMessage(fields);
  const requestHash = fields.clientMessageId === undefined ? null : Buffer.from(message.payload.content);
  return Object.assign(new Item(owner, message), { requestHash });
}

function comparable(outcome: unknown): Partial<AppendRow> {
  const { ok } = outcome as { ok: AppendRow };
  const { sid: _sid, now: _now, ...rest } = ok;
  return rest;
}
