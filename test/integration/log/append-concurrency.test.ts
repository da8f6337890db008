import pg from 'pg';
import type { LogHint } from '../../../src/kernel/events.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { deadlocks } from '../../support/head-lock.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

const WRITERS = 64;

describe('appending by two nodes at once', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;
  let watcher: pg.Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
    watcher = new pg.Pool({ ...database.connection, max: 8 });
    await Promise.all(Array.from({ length: 8 }, () => watcher.query('SELECT 1')));
  });
  beforeEach(async () => {
    account = await anAccount(nodes[0]);
    for (const { bus } of nodes) {
      bus.hints.length = 0;
      bus.onHint = () => undefined;
    }
  });
  afterAll(async () => {
    await watcher.end();
    await Promise.all(nodes.map((node) => node.close()));
    const happened = await deadlocks(database.connection);
    await database.drop();
    expect(happened).toBe(0);
  });

  const node = (index: number): LogNode => nodes[index % 2] as LogNode;
  const numbers = async (text: string, values: unknown[] = []) =>
    (await watcher.query<{ n: string }>(text, values)).rows.map(({ n }) => Number(n));

  it('gives 64 writers of one user contiguous positions, in the order of the commits', async () => {
    const perWriter = 20;
    const { userId } = await node(0).users.ensure(account, 'busy');
    let writing = true;
    const reader = observe(watcher, userId, () => writing);
    const appended = await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const own: number[] = [];
        for (let index = 0; index < perWriter; index++) {
          const sender = index % 3 === 0 ? 'user' : 'assistant';
          own.push((await node(writer).appender.append(account, 'busy', aMessage({ sender }))).message.seq);
        }
        return own;
      }),
    );
    writing = false;
    const looks = await reader;

    const all = appended.flat();
    expect(all.toSorted((a, b) => a - b)).toEqual(upTo(WRITERS * perWriter));
    for (const own of appended) expect(own).toEqual(own.toSorted((a, b) => a - b));
    // Whoever looked meanwhile saw no gap: with position n in sight, all n before it were.
    expect(looks.length).toBeGreaterThan(5);
    expect(looks.filter(({ count, last }) => count !== last)).toEqual([]);
    expect(looks.filter(({ head, last }) => head !== last)).toEqual([]);
    expect(
      await numbers('SELECT seq AS n FROM messages WHERE user_id = $1 ORDER BY created_at, seq', [userId]),
    ).toEqual(upTo(WRITERS * perWriter));
    await expectCountsEqual(watcher);
  });

  it('does not deadlock when every batch touches many users in any order', async () => {
    const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
    const rounds = 30;
    const random = seeded(7);
    const results = await Promise.all(
      Array.from({ length: users.length * rounds }, (_, index) => {
        const user = users[Math.floor(random() * users.length)] as string;
        const sender = random() < 0.5 ? 'user' : 'system';
        return node(index).appender.append(account, user, aMessage({ sender }));
      }),
    );
    for (const user of users) {
      const own = results.filter(({ message }) => message.platform_user_id === user);
      expect(own.map(({ message }) => message.seq).toSorted((a, b) => a - b)).toEqual(upTo(own.length));
    }
    await expectCountsEqual(watcher);
  });

  it('writes 1,000 users, each for the first time, at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        node(index).appender.append(account, `new-${index % 500}`, aMessage({ content: String(index) })),
      ),
    );
    const sessions = new Map<string, Set<string>>();
    for (const { message } of results)
      sessions.set(
        message.platform_user_id,
        (sessions.get(message.platform_user_id) ?? new Set()).add(message.agent_session_id),
      );
    expect(sessions.size).toBe(500);
    // Two nodes wrote a user's first two messages: one of them made the session, the other one used it.
    expect([...sessions.values()].filter((own) => own.size !== 1)).toEqual([]);
    await expectCountsEqual(watcher);
  });

  it('keeps the order of messages that one node was given one after the other, also of a new user', async () => {
    for (let user = 0; user < 20; user++) {
      const appended = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          node(0).appender.append(account, `pipelined-${user}`, aMessage({ content: String(index) })),
        ),
      );
      expect(appended.map(({ message }) => message.seq)).toEqual(upTo(10));
    }
  });

  it('publishes one hint for each message, after its commit, telling the state at its position', async () => {
    const visible: Promise<unknown>[] = [];
    const look = (hint: LogHint) => {
      const seqs = hint.entries.map(({ seq }) => seq);
      visible.push(
        numbers('SELECT count(*) AS n FROM messages WHERE user_id = $1 AND seq = ANY ($2::bigint[])', [
          hint.userId,
          [...new Set(seqs)],
        ]).then(([count]) => expect(count).toBe(new Set(seqs).size)),
      );
    };
    for (const { bus } of nodes) bus.onHint = look;
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        node(index).appender.append(account, `hinted-${index % 7}`, aMessage()),
      ),
    );
    await Promise.all(visible);

    const hints = nodes.flatMap(({ bus }) => bus.hints);
    const told = hints.flatMap(({ entries }) => entries.filter(({ event }) => event === 'message'));
    expect(told).toHaveLength(300);
    expect(new Set(told.map(({ data }) => JSON.stringify(data)))).toEqual(
      new Set(results.map(({ message }) => JSON.stringify(message))),
    );
    for (const { entries, state } of hints) {
      // All of these are unread, so the count at a position is the position.
      expect(state).toEqual({ seq: entries[0]?.seq, read_seq: 0, unread_count: entries[0]?.seq });
    }
    const born = hints.flatMap(({ entries }) => entries.filter(({ event }) => event === 'session'));
    expect(born).toHaveLength(7);
  });
});

/** Looks at a log again and again: how many messages, the last of them, and the head, in one snapshot each. */
async function observe(
  client: pg.Pool,
  userId: number,
  goOn: () => boolean,
): Promise<{ count: number; last: number; head: number }[]> {
  const looks: { count: number; last: number; head: number }[] = [];
  while (goOn()) {
    const { rows } = await client.query<{ count: number; last: number; head: number }>(
      `SELECT count(m.seq)::int AS count, coalesce(max(m.seq), 0)::int AS last, u.head_seq::int AS head
       FROM platform_users u LEFT JOIN messages m ON m.user_id = u.id WHERE u.id = $1 GROUP BY u.id`,
      [userId],
    );
    looks.push(...rows);
  }
  return looks;
}

/** What the heads say, against what is there. */
async function expectCountsEqual(client: pg.Pool): Promise<void> {
  const { rows } = await client.query(
    `SELECT u.platform_user_id, u.head_seq, u.message_count, u.unread_count, m.*
     FROM platform_users u JOIN LATERAL (
       SELECT count(*) AS messages, max(seq) AS last,
         count(*) FILTER (WHERE sender <> 'user' AND read_at IS NULL AND deleted_at IS NULL AND seq > u.read_seq) AS unread
       FROM messages WHERE user_id = u.id) m ON true
     WHERE (u.head_seq, u.message_count, u.unread_count) IS DISTINCT FROM (m.last, m.messages, m.unread) AND u.head_seq > 0`,
  );
  expect(rows).toEqual([]);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A small random generator that gives the same numbers in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
