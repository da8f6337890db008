import { SharedReads } from '../../../src/follow/shared-reads.js';
import type { ReadState } from '../../../src/kernel/wire.dto.js';

/** A query that is under way: it has seen the database as it was when it began, and answers when told. */
interface Query {
  readonly asked: number[];
  answer(): void;
  fail(error: Error): void;
}

/** Logs whose heads move, and the queries that were made. */
class Logs {
  readonly heads = new Map<number, ReadState>();
  readonly queries: Query[] = [];
  readonly reads = new SharedReads<ReadState>(
    (asked) =>
      new Promise((resolve, reject) => {
        const seen = new Map(
          asked.flatMap((id) => (this.heads.has(id) ? [[id, this.head(id)] as const] : [])),
        );
        this.queries.push({ asked, answer: () => resolve(seen), fail: reject });
      }),
    { seq: 0, read_seq: 0, unread_count: 0 },
  );

  append(id: number): ReadState {
    const seq = (this.heads.get(id)?.seq ?? 0) + 1;
    this.heads.set(id, { seq, read_seq: 0, unread_count: seq });
    return this.head(id);
  }

  head(id: number): ReadState {
    return this.heads.get(id) as ReadState;
  }

  query(number: number): Query {
    return this.queries[number] as Query;
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('reading heads together', () => {
  let logs: Logs;
  beforeEach(() => void (logs = new Logs()));

  it('asks at once, and once for all who ask in the same turn, also for the same log', async () => {
    const heads = [1, 2, 3].map((id) => logs.append(id));
    const answers = Promise.all([1, 2, 3, 1].map((id) => logs.reads.read(id)));
    await settled();
    expect(logs.queries.map(({ asked }) => asked)).toEqual([[1, 2, 3]]);
    logs.query(0).answer();
    expect(await answers).toEqual([...heads, heads[0]]);
  });

  it('gives no head that is older than the question: who asks during a read shares the next one', async () => {
    const old = logs.append(1);
    const first = logs.reads.read(1);
    await settled();
    const now = logs.append(1);
    const second = Promise.all([logs.reads.read(1), logs.reads.read(2)]);
    await settled();
    expect(logs.queries).toHaveLength(1); // one at a time
    logs.query(0).answer();
    expect(await first).toEqual(old);
    await settled();
    expect(logs.queries.map(({ asked }) => asked)).toEqual([[1], [1, 2]]);
    logs.query(1).answer();
    expect((await second)[0]).toEqual(now);
  });

  it('gives the empty head of a log that does not exist', async () => {
    const answer = logs.reads.read(7);
    await settled();
    logs.query(0).answer();
    expect(await answer).toEqual({ seq: 0, read_seq: 0, unread_count: 0 });
  });

  it('fails those who shared a failed read, and nobody after them', async () => {
    const head = logs.append(3);
    const failing = Promise.allSettled([logs.reads.read(1), logs.reads.read(2)]);
    await settled();
    const later = logs.reads.read(3);
    logs.query(0).fail(new Error('away'));
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await settled();
    logs.query(1).answer();
    expect(await later).toEqual(head);
  });

  it('begins again after it was idle, also when asked in the turn in which an answer came', async () => {
    logs.append(1);
    const first = logs.reads.read(1).then(() => logs.reads.read(1));
    await settled();
    logs.query(0).answer();
    await settled();
    const now = logs.append(2);
    expect(logs.queries).toHaveLength(2);
    logs.query(1).answer();
    await first;
    await settled();
    const last = logs.reads.read(2);
    await settled();
    logs.query(2).answer();
    expect(await last).toEqual(now);
  });
});
