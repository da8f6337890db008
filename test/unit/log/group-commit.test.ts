import fc from 'fast-check';
import { ParleyError } from '../../../src/kernel/errors.js';
import { GroupCommit, type GroupCommitOptions, type Outcome } from '../../../src/log/group-commit.js';
import { eventually } from '../../support/eventually.js';

type Options = GroupCommitOptions<string, string>;

/** A store that a test answers by hand, one batch after the other. */
class Store {
  readonly batches: string[][] = [];
  private readonly waiting: ((answer: () => Outcome<string>[]) => void)[] = [];

  readonly write = (batch: readonly string[]): Promise<Outcome<string>[]> => {
    this.batches.push([...batch]);
    return new Promise<() => Outcome<string>[]>((resolve) => this.waiting.push(resolve)).then((answer) =>
      answer(),
    );
  };

  /** Answers the oldest batch on the wire, as soon as there is one. */
  async answer(with_: (batch: string[]) => Outcome<string>[] = stored): Promise<void> {
    await eventually(() => expect(this.waiting).not.toHaveLength(0), { everyMs: 1 });
    const batch = this.batches.at(-1) ?? [];
    this.waiting.shift()?.(() => with_(batch));
  }
}

const stored = (batch: string[]) => batch.map((item) => ({ ok: `${item}!` }));
const lane = (write: Options['write'], options: Partial<Options> = {}) =>
  new GroupCommit<string, string>({
    write,
    worthSplitting: (error) => (error as Error).message === 'bad item',
    fits: () => true,
    maxBatch: 64,
    limit: 1000,
    ...options,
  });

describe('group commit', () => {
  it('writes together what arrived together, and together what arrived meanwhile', async () => {
    const store = new Store();
    const commit = lane(store.write);
    const first = [commit.add('a'), commit.add('b')];
    await eventually(() => expect(store.batches).toEqual([['a', 'b']]), { everyMs: 1 });
    const second = [commit.add('c'), commit.add('d'), commit.add('e')];
    await store.answer();
    expect(await Promise.all(first)).toEqual(['a!', 'b!']);
    await store.answer();
    expect(await Promise.all(second)).toEqual(['c!', 'd!', 'e!']);
    expect(store.batches).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
  });

  it('never has two batches on the wire, keeps the order, and never exceeds a batch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        async (gaps, maxBatch) => {
          let onTheWire = 0;
          const written: string[][] = [];
          const commit = lane(
            async (batch) => {
              expect(++onTheWire).toBe(1);
              await turns(2);
              written.push([...batch]);
              onTheWire--;
              return stored([...batch]);
            },
            { maxBatch },
          );
          const results: Promise<string>[] = [];
          for (const [index, gap] of gaps.entries()) {
            results.push(commit.add(String(index)));
            await turns(gap);
          }
          await commit.drained();
          expect(written.flat()).toEqual(gaps.map((_, index) => String(index)));
          expect(Math.max(...written.map(({ length }) => length))).toBeLessThanOrEqual(maxBatch);
          expect(await Promise.all(results)).toEqual(gaps.map((_, index) => `${index}!`));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('ends a batch before an item that does not fit', async () => {
    const batches: string[][] = [];
    const commit = lane(
      async (batch) => {
        batches.push([...batch]);
        return stored([...batch]);
      },
      { fits: (batch, item) => !batch.includes(item) },
    );
    await Promise.all(['a', 'b', 'a', 'c', 'c'].map((item) => commit.add(item)));
    expect(batches).toEqual([['a', 'b'], ['a', 'c'], ['c']]);
  });

  it('does not let one bad item fail its neighbours', async () => {
    const written: string[] = [];
    const commit = lane(async (batch) => {
      if (batch.includes('bad')) throw new Error('bad item');
      written.push(...batch);
      return stored([...batch]);
    });
    const results = await Promise.allSettled(['a', 'bad', 'b', 'bad', 'c'].map((item) => commit.add(item)));
    expect(results.map(outcome)).toEqual(['a!', 'bad item', 'b!', 'bad item', 'c!']);
    expect(written).toEqual(['a', 'b', 'c']);
  });

  it('fails the whole batch, once, when the store is away', async () => {
    const store = new Store();
    const commit = lane(store.write);
    const results = Promise.allSettled([commit.add('a'), commit.add('b')]);
    await store.answer(() => {
      throw new Error('away');
    });
    expect((await results).map(outcome)).toEqual(['away', 'away']);
    expect(store.batches).toHaveLength(1);
    const after = commit.add('c');
    await store.answer();
    expect(await after).toBe('c!');
  });

  it('tells each item its own outcome', async () => {
    const store = new Store();
    const commit = lane(store.write);
    const results = Promise.allSettled([commit.add('a'), commit.add('b')]);
    await store.answer(() => [{ failed: new Error('no') }, { ok: 'yes' }]);
    expect((await results).map(outcome)).toEqual(['no', 'yes']);
  });

  it('rejects, and does not hang, what the store gave no outcome', async () => {
    const store = new Store();
    const commit = lane(store.write);
    const results = Promise.allSettled([commit.add('a'), commit.add('b')]);
    await store.answer(() => [{ ok: 'a!' }]);
    expect((await results).map(outcome)).toEqual(['a!', 'a batch was answered with too few outcomes']);
  });

  it('also keeps going when writing throws before it begins', async () => {
    let calls = 0;
    const commit = lane((batch) => {
      if (++calls === 1) throw new Error('at once');
      return Promise.resolve(stored([...batch]));
    });
    await expect(commit.add('a')).rejects.toThrow('at once');
    expect(await commit.add('b')).toBe('b!');
  });

  it('refuses at once what is beyond the limit, and never writes it', async () => {
    const store = new Store();
    const commit = lane(store.write, { limit: 2 });
    const accepted = [commit.add('a'), commit.add('b')];
    await expect(commit.add('too much')).rejects.toMatchObject({
      code: 'service_unavailable',
      retryAfter: 1,
    });
    await expect(commit.add('too much')).rejects.toBeInstanceOf(ParleyError);
    await store.answer();
    expect(await Promise.all(accepted)).toEqual(['a!', 'b!']);
    const later = commit.add('c');
    await store.answer();
    expect(await later).toBe('c!');
    expect(store.batches).toEqual([['a', 'b'], ['c']]);
  });

  it('is drained when nothing waits and nothing is being written', async () => {
    const store = new Store();
    const commit = lane(store.write);
    await commit.drained();
    const order: string[] = [];
    const results = [commit.add('a').then((result) => order.push(result))];
    const drained = commit.drained().then(() => order.push('drained'));
    await eventually(() => expect(store.batches).toHaveLength(1), { everyMs: 1 });
    results.push(commit.add('b').then((result) => order.push(result)));
    await store.answer();
    await store.answer();
    await Promise.all([...results, drained]);
    expect(order).toEqual(['a!', 'b!', 'drained']);
  });
});

function outcome(result: PromiseSettledResult<string>): string {
  return result.status === 'fulfilled' ? result.value : (result.reason as Error).message;
}

/** Lets the event loop turn. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
