import fc from 'fast-check';
import { MOST_UNCOUNTED } from '../../../src/log/log-reader.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import { COUNT_SESSION } from '../../../src/log/persistence/read.sql.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** Messages that come to a session at once, and how many readers ask for its total meanwhile. */
interface Burst {
  session: string;
  messages: number;
  readers: number;
}

const burst: fc.Arbitrary<Burst> = fc.record({
  session: fc.constantFrom('a', 'b', 'c'),
  messages: fc.oneof(fc.nat(30), fc.integer({ min: MOST_UNCOUNTED - 2, max: MOST_UNCOUNTED + 100 })),
  readers: fc.nat(4),
});
const bursts = fc.array(burst, { minLength: 4, maxLength: 8 });

jest.setTimeout(60_000);

describe('the total of a session', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;
  let users = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
    account = await anAccount(nodes[0]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });

  const anOwner = async (inAccount = account): Promise<LogOwner> =>
    nodes[0].users.ensure(inAccount, `user-${users++}`);
  const append = (owner: LogOwner, agentSessionId: string, messages: number) =>
    Promise.all(
      Array.from({ length: messages }, () =>
        nodes[0].appender.append(owner.accountId, owner.platformUserId, aMessage({ agentSessionId })),
      ),
    );
  const total = async (owner: LogOwner, agentSessionId: string, node: 0 | 1 = 0): Promise<number> =>
    (await nodes[node].reader.page(owner, { agentSessionId, limit: 1 })).total;
  const query = async <Row>(text: string, values: unknown[]): Promise<Row[]> =>
    await nodes[0].dataSource.query<Row[]>(text, values);
  const plainCount = async (
    { userId }: LogOwner,
    id: string,
    upTo = Number.MAX_SAFE_INTEGER,
  ): Promise<number> => {
    const [row] = await query<{ n: string }>(
      'SELECT count(*) AS n FROM messages WHERE user_id = $1 AND agent_session_id = $2 AND seq <= $3',
      [userId, id, upTo],
    );
    return Number(row?.n);
  };
  /** What is remembered of a session: a position, and how many messages lie up to there; of one without messages, nothing. */
  const remembered = async (
    { accountId }: LogOwner,
    id: string,
  ): Promise<{ seq: number; messages: number }> => {
    const [row] = await query<{ counted_seq: string; counted: number }>(
      'SELECT counted_seq, counted FROM sessions WHERE account_id = $1 AND agent_session_id = $2',
      [accountId, id],
    );
    return { seq: Number(row?.counted_seq ?? 0), messages: row?.counted ?? 0 };
  };

  it('equals a plain count, whatever comes to it, and whoever reads meanwhile', async () => {
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(bursts, async (steps) => {
        const owner = await anOwner();
        const idOf = (session: string): string => `${owner.platformUserId}-${session}`;
        for (const { session, messages, readers } of steps) {
          const id = idOf(session);
          const before = await plainCount(owner, id);
          let writing = true;
          const written = append(owner, id, messages).finally(() => (writing = false));
          await Promise.all([
            written,
            ...Array.from({ length: readers }, (_, n) => watch(owner, id, n, () => writing)),
          ]);
          expect(await total(owner, id)).toBe(before + messages);
        }
        for (const id of new Set(steps.map(({ session }) => idOf(session)))) {
          const count = await plainCount(owner, id);
          expect(await total(owner, id, 1)).toBe(count);
          const { seq, messages } = await remembered(owner, id);
          expect(await plainCount(owner, id, seq)).toBe(messages);
          expect(count - messages).toBeLessThanOrEqual(MOST_UNCOUNTED);
          if (seq > 0) moved++;
        }
      }),
      { numRuns: 6 },
    );
    expect(moved).toBeGreaterThan(3);
  });

  /** A reader that asks again and again: the total never falls, and never says more than there is afterwards. */
  const watch = async (
    owner: LogOwner,
    id: string,
    reader: number,
    isWriting: () => boolean,
  ): Promise<void> => {
    for (let last = 0; isWriting();) {
      const seen = await total(owner, id, reader % 2 ? 1 : 0);
      expect(seen).toBeGreaterThanOrEqual(last);
      expect(seen).toBeLessThanOrEqual(await plainCount(owner, id));
      last = seen;
    }
  };

  it('is remembered by the first who finds too much to count, once, and never taken back', async () => {
    const owner = await anOwner();
    await append(owner, 'many', MOST_UNCOUNTED);
    expect(await total(owner, 'many')).toBe(MOST_UNCOUNTED);
    expect(await remembered(owner, 'many')).toEqual({ seq: 0, messages: 0 });

    await append(owner, 'many', 1);
    const readers = Array.from({ length: 20 }, (_, index) => total(owner, 'many', index % 2 ? 1 : 0));
    expect(new Set(await Promise.all(readers))).toEqual(new Set([MOST_UNCOUNTED + 1]));
    const counted = { seq: MOST_UNCOUNTED + 1, messages: MOST_UNCOUNTED + 1 };
    expect(await remembered(owner, 'many')).toEqual(counted);

    await nodes[1].database.query(COUNT_SESSION, [account, 'many', 0, 3, 3]); // one who counted long ago
    expect(await remembered(owner, 'many')).toEqual(counted);
  });

  it('counts tombstones, and nothing of other sessions in between', async () => {
    const owner = await anOwner();
    for (let round = 0; round < 3; round++) {
      await append(owner, 'left', 300);
      await append(owner, 'right', 300);
      expect([await total(owner, 'left'), await total(owner, 'right')]).toEqual(
        Array(2).fill(300 * (round + 1)),
      );
    }
    await nodes[0].changes.delete(owner, 1);
    await nodes[0].changes.delete(owner, 1700);
    expect([await total(owner, 'left'), await total(owner, 'right')]).toEqual([900, 900]);
  });

  it('is of one platform user of one account, whatever others call theirs', async () => {
    const [mine, neighbour, stranger] = [
      await anOwner(),
      await anOwner(),
      await anOwner(await anAccount(nodes[0])),
    ];
    await append(mine, 'shared name', MOST_UNCOUNTED + 50);
    await append(stranger, 'shared name', 3);
    expect(await total(mine, 'shared name')).toBe(MOST_UNCOUNTED + 50);
    expect(await total(neighbour, 'shared name')).toBe(0);
    expect(await total(stranger, 'shared name')).toBe(3);
    expect(await remembered(mine, 'shared name')).toMatchObject({ messages: MOST_UNCOUNTED + 50 });
    expect(await remembered(stranger, 'shared name')).toMatchObject({ messages: 0 });
    expect(await total(mine, 'never heard of')).toBe(0);
  });
});
