import type { LogEntry } from '../../../src/kernel/events.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import { APPEND_EACH } from '../../../src/log/persistence/append-each.sql.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { deadlocks, holdHead, holdLock } from '../../support/head-lock.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { statementsOf } from './statements.js';

const ROUNDS = 60;

describe('two nodes that want the same', () => {
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
    const happened = await deadlocks(database.connection);
    await database.drop();
    expect(happened).toBe(0);
  });

  const append = (node: number, user: string, fields: Parameters<typeof aMessage>[0] = {}) =>
    (nodes[node % 2] as LogNode).appender.append(account, user, aMessage(fields));
  const count = async (text: string, values: unknown[] = []): Promise<number> => {
    const rows: { n: string }[] = await nodes[0].dataSource.query(
      `SELECT count(*) AS n FROM ${text}`,
      values,
    );
    return Number(rows[0]?.n);
  };
  const ownerOf = async (user: string): Promise<LogOwner> => nodes[0].users.ensure(account, user);
  /** The rest of a user's log, by a node that has nothing cached. */
  const history = async (user: string) =>
    (await nodes[1].reader.page(await ownerOf(user), { limit: 1000 })).messages.parse();
  /** Users whose messages of one turn are written in one batch (`LANES` of the appender). */
  const threeOfOneLane = async (node: number): Promise<string[]> => {
    const found: string[] = [];
    for (let index = 0; found.length < 3; index++) {
      const user = `user-${node}-${index}`;
      const { userId } = await (nodes[node] as LogNode).users.ensure(account, user);
      if (userId % 2 === 0) found.push(user);
    }
    return found;
  };
  const patch = (node: number, id: string, status: 'open' | 'closed') =>
    (nodes[node % 2] as LogNode).sessions.patch(aKey(account), id, { status, context_mode: 'replace' });

  it('write to the same users, each in an order of its own, and never block each other for good', async () => {
    const users = Array.from({ length: 7 }, (_, i) => `user-${i}`);
    await Promise.all(users.map((user) => append(0, user)));
    const ran = await statementsOf(async () => {
      await Promise.all(
        [users, users.toReversed()].map(async (own, node) => {
          for (let round = 0; round < ROUNDS; round++)
            await Promise.all(own.map((user) => append(node, user)));
        }),
      );
    });
    expect(ran.map(({ name }) => name)).toContain(APPEND_EACH.assistant.name);
    for (const user of users) expect(await history(user)).toHaveLength(1 + 2 * ROUNDS);
  });

  it('wait for each other, and go on where the log is then', async () => {
    const users = await threeOfOneLane(0);
    await Promise.all(users.map((user) => append(0, user)));
    const head = await holdHead(database.connection, (await ownerOf(users[1] as string)).userId);
    const first = append(1, users[1] as string);
    await head.waiters(1);
    const batch = Promise.all(users.map((user) => append(0, user, { clientMessageId: 'the same for each' })));
    await head.waiters(2);
    await head.release();
    expect((await first).message.seq).toBe(2);
    expect((await batch).map(({ message }) => message.seq)).toEqual([2, 3, 2]);
  });

  it('write a message with one client_message_id once, and both answer it', async () => {
    await append(0, 'ann');
    for (let round = 0; round < ROUNDS; round++) {
      const clientMessageId = `id-${round}`;
      const results = await Promise.all([0, 1, 0, 1].map((node) => append(node, 'ann', { clientMessageId })));
      expect(new Set(results.map(({ message }) => message.seq))).toEqual(new Set([round + 2]));
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    }
    expect(await history('ann')).toHaveLength(ROUNDS + 1);
  });

  it('write it once also when the repeat had to wait for the original', async () => {
    const { userId } = await ownerOf('ann');
    const head = await holdHead(database.connection, userId);
    const original = append(0, 'ann', { clientMessageId: 'same' });
    await head.waiters(1);
    const repeat = append(1, 'ann', { clientMessageId: 'same' });
    await head.waiters(2);
    await head.release();
    expect(await original).toMatchObject({ replayed: false, message: { seq: 1 } });
    expect(await repeat).toMatchObject({ replayed: true, message: { seq: 1 } });
    expect(nodes.flatMap(({ bus }) => bus.hints)).toHaveLength(1);
  });

  it('refuse one client_message_id for two different messages, whoever comes second', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const clientMessageId = `id-${round}`;
      const results = await Promise.allSettled(
        ['this', 'that'].map((content, node) => append(node, 'ann', { clientMessageId, content })),
      );
      expect(codes(results)).toEqual(['ok', 'resource_conflict']);
    }
  });

  it('give a new session to exactly one of two users', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const agentSessionId = `session-${round}`;
      const results = await Promise.allSettled(
        ['ann', 'bob'].map((user, node) => append(node, user, { agentSessionId })),
      );
      expect(codes(results)).toEqual(['ok', 'resource_conflict']);
    }
    expect(await count('sessions WHERE account_id = $1', [account])).toBe(ROUNDS);
  });

  it('both use a new session of one user', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const agentSessionId = `session-${round}`;
      const results = await Promise.all([0, 1, 0, 1].map((node) => append(node, 'ann', { agentSessionId })));
      expect(results.map(({ message }) => message.agent_session_id)).toEqual(Array(4).fill(agentSessionId));
    }
    expect(await count('sessions WHERE account_id = $1', [account])).toBe(ROUNDS);
    const born = nodes.flatMap(({ bus }) => bus.hints).flatMap(({ entries }) => entries.filter(isSession));
    expect(born).toHaveLength(ROUNDS);
  });

  it('use a session that was born, and left for another one, while they waited', async () => {
    const { userId } = await ownerOf('ann');
    const head = await holdHead(database.connection, userId);
    const first = append(0, 'ann', { agentSessionId: 'one' });
    await head.waiters(1);
    const third = append(1, 'ann', { agentSessionId: 'one' });
    await head.waiters(2);
    const second = append(0, 'ann', { agentSessionId: 'two' });
    await head.release();
    const results = await Promise.all([first, second, third]);
    expect(results.map(({ message }) => message.agent_session_id)).toEqual(['one', 'two', 'one']);
    expect(await count('sessions WHERE account_id = $1', [account])).toBe(2);
  });

  it('do not deadlock over new sessions that their batches name in opposite order', async () => {
    const users = await Promise.all([0, 1].map((node) => threeOfOneLane(node)));
    const maker = await ownerOf('maker');
    const session = await holdLock(
      database.connection,
      `INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq) VALUES ($1, 'middle', $2, 1)`,
      [account, maker.userId],
    );
    const ids = ['begin', 'middle', 'end'];
    const outcome = Promise.allSettled(
      [ids, ids.toReversed()].flatMap((wanted, node) =>
        wanted.map((agentSessionId, index) => append(node, users[node]?.[index] ?? '', { agentSessionId })),
      ),
    );
    await session.waiters(2);
    await session.release('ROLLBACK');
    expect(codes(await outcome)).toEqual([...ok(3), ...conflicts(3)]);
    // That there was no deadlock is checked when the nodes are closed.
  });

  it('do not write to a session that was closed while they waited', async () => {
    await append(0, 'ann', { agentSessionId: 'one' });
    await append(0, 'ann', { agentSessionId: 'two' });
    const { userId } = await ownerOf('ann');
    for (const closed of ['one', 'two']) {
      const head = await holdHead(database.connection, userId);
      const closing = patch(0, closed, 'closed');
      await head.waiters(1);
      const late = Promise.allSettled([append(1, 'ann', { agentSessionId: closed })]);
      await head.waiters(2);
      await head.release();
      await closing;
      expect(codes(await late)).toEqual(['resource_conflict']);
    }
    // Without a session: not to a closed one, but to a new one.
    expect((await append(1, 'ann')).message.agent_session_id).toMatch(/^ses_/);
  });

  it('write to a session that was reopened while they waited', async () => {
    await append(0, 'ann', { agentSessionId: 'one' });
    await append(0, 'ann', { agentSessionId: 'two' });
    await patch(0, 'one', 'closed');
    const head = await holdHead(database.connection, (await ownerOf('ann')).userId);
    const reopening = patch(0, 'one', 'open');
    await head.waiters(1);
    const late = append(1, 'ann', { agentSessionId: 'one' });
    await head.waiters(2);
    await head.release();
    await reopening;
    expect((await late).message).toMatchObject({ agent_session_id: 'one', seq: 5 });
  });

  it('leave no message behind the close of its session, in any interleaving', async () => {
    await append(0, 'ann', { agentSessionId: 'one' });
    await append(0, 'ann', { agentSessionId: 'other' });
    let done = 0;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const results: PromiseSettledResult<unknown>[] = [];
      for (let index = 0; index < 40; index++) {
        const agentSessionId = (writer + index) % 3 === 0 ? 'other' : 'one';
        results.push(...(await Promise.allSettled([append(writer, 'ann', { agentSessionId })])));
        done++;
      }
      return results;
    });
    const closing = (async () => {
      for (let index = 0; index < 30; index++) {
        await eventually(() => expect(done).toBeGreaterThanOrEqual(10 * index), { everyMs: 1 });
        await patch(index, 'one', index % 2 === 0 ? 'closed' : 'open');
      }
    })();
    const results = (await Promise.all(writers)).flat();
    await closing;
    expect(new Set(codes(results))).toEqual(new Set(['ok', 'resource_conflict']));

    const changes = nodes
      .flatMap(({ bus }) => bus.hints)
      .flatMap(({ entries }) => entries.filter(isSession))
      .filter(({ data }) => data.agent_session_id === 'one')
      .sort((a, b) => a.seq - b.seq);
    expect(changes.length).toBeGreaterThan(4);
    const statusAt = (seq: number) => changes.findLast((change) => change.seq <= seq)?.data.status;
    const written = (await history('ann')).filter(({ agent_session_id }) => agent_session_id === 'one');
    expect(written.filter(({ seq }) => statusAt(seq) !== 'open')).toEqual([]);
  });

  it('write the neighbours of a refused message once: it does not matter what a batch shares', async () => {
    // Many of each, so that some share a batch with the refused one whichever lane they take.
    const usual = Array.from({ length: 10 }, (_, index) => `usual-${index}`);
    const fresh = Array.from({ length: 10 }, (_, index) => `fresh-${index}`);
    await Promise.all([...usual.map((user) => append(0, user)), ...fresh.map(ownerOf), ownerOf('late')]);
    // Somebody else is about to make the session, and nobody can see it yet.
    const maker = await ownerOf('maker');
    const session = await holdLock(
      database.connection,
      `INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq) VALUES ($1, 'taken', $2, 1)`,
      [account, maker.userId],
    );
    for (const { bus } of nodes) bus.hints.length = 0;
    const refused = Promise.allSettled([append(0, 'late', { agentSessionId: 'taken' })]);
    const neighbours = Promise.allSettled([...usual, ...fresh, ...usual].map((user) => append(0, user)));
    await session.waiters(1);
    await session.release();
    expect(codes(await refused)).toEqual(['resource_conflict']);
    expect(codes(await neighbours)).toEqual(ok(30));
    const lengths = await Promise.all(
      [...usual, ...fresh, 'late'].map(async (user) => (await history(user)).length),
    );
    expect(lengths).toEqual([...Array<number>(10).fill(3), ...Array<number>(10).fill(1), 0]);
    expect(nodes[0].bus.hints).toHaveLength(30);
  });

  it('begin a log anew when its user was erased', async () => {
    const { userId } = await ownerOf('ann');
    await append(1, 'ann');
    await nodes[0].dataSource.query('DELETE FROM messages WHERE user_id = $1', [userId]);
    await nodes[0].dataSource.query('DELETE FROM platform_users WHERE id = $1', [userId]);
    const { message } = await append(1, 'ann');
    expect(message.seq).toBe(1);
    expect(await count('messages WHERE user_id = $1', [userId])).toBe(0);
  });
});

function isSession(entry: LogEntry): entry is LogEntry & { event: 'session' } {
  return entry.event === 'session';
}

const ok = (times: number) => Array<string>(times).fill('ok');
const conflicts = (times: number) => Array<string>(times).fill('resource_conflict');

function code(result: PromiseSettledResult<unknown>): string {
  if (result.status === 'fulfilled') return 'ok';
  const { code, message } = result.reason as { code?: string; message: string };
  return code ?? message;
}

/** What became of each, in no order. */
function codes(results: PromiseSettledResult<unknown>[]): string[] {
  return results.map(code).sort();
}
