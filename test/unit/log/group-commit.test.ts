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
    const batch = this.batches.at(-this.waiting.length) ?? [];
    this.waiting.shift()?.(() => with_(batch));
  }
}

/** Of an item like `key:number`. */
const keyOf = (item: string): string => item.split(':')[0]!;
const stored = (batch: string[]) => batch.map((item) => ({ ok: `${item}!` }));
const lane = (write: Options['write'], options: Partial<Options> = {}) =>
  new GroupCommit<string, string>({
    write,
    worthSplitting: (error) => (error as Error).message === 'bad item',
    keyOf: (item) => item,
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

  it('has at most two batches on the wire, without a key in common, and keeps the order of each key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(4)), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 20 }),
        async (arrivals, maxBatch) => {
          const onTheWire: string[][] = [];
          const written: string[] = [];
          const commit = lane(
            async (batch) => {
              const keys = new Set(batch.map(keyOf));
              expect(onTheWire.flat().filter((item) => keys.has(keyOf(item)))).toEqual([]);
              expect(onTheWire.length).toBeLessThan(2);
              expect(batch.length).toBeLessThanOrEqual(maxBatch);
              if (onTheWire.length > 0 && batch.length > 1) expect(batch.length).toBeGreaterThanOrEqual(8);
              onTheWire.push([...batch]);
              await turns(batch.length % 4); // so that the second may be done before the first
              onTheWire.splice(
                onTheWire.findIndex(([first]) => first === batch[0]),
                1,
              );
              if (batch.length > 1 && batch.some((item) => item.endsWith('0'))) throw new Error('bad item');
              written.push(...batch);
              return stored([...batch]);
            },
            { maxBatch, keyOf },
          );
          const items = arrivals.map(([, key], index) => `${key}:${index}`);
          const results: Promise<string>[] = [];
          for (const [index, [gap]] of arrivals.entries()) {
            results.push(commit.add(items[index]!));
            await turns(gap % 3);
          }
          await commit.drained();
          expect(await Promise.all(results)).toEqual(items.map((item) => `${item}!`));
          expect(written).toHaveLength(items.length);
          for (const item of items) {
            const ofItsKey = (other: string): boolean => keyOf(other) === keyOf(item);
            expect(written.filter(ofItsKey)).toEqual(items.filter(ofItsKey));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('sends a second batch behind the first once it is worth a commit, and no third', async () => {
    const store = new Store();
    const commit = lane(store.write);
    const add = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => commit.add(`${prefix}${index}`));
    const results = add('a', 1);
    await turns(2);
    results.push(...add('b', 7));
    await turns(2);
    expect(store.batches.map(({ length }) => length)).toEqual([1]);
    results.push(...add('c', 1));
    await turns(2);
    expect(store.batches.map(({ length }) => length)).toEqual([1, 8]);
    results.push(...add('d', 20));
    await turns(2);
    expect(store.batches.map(({ length }) => length)).toEqual([1, 8]);
    for (let batch = 0; batch < 3; batch++) await store.answer();
    await Promise.all(results);
    expect(store.batches.map(({ length }) => length)).toEqual([1, 8, 20]);
  });

  it('lets nothing pass by what waits for its key', async () => {
    const store = new Store();
    const commit = lane(store.write, { keyOf });
    const results = [commit.add('hot:1')];
    await turns(2);
    const others = Array.from({ length: 8 }, (_, index) => `${index}:1`);
    results.push(...['hot:2', ...others, 'hot:3'].map((item) => commit.add(item)));
    await turns(2);
    expect(store.batches).toEqual([['hot:1'], others]);
    for (let batch = 0; batch < 3; batch++) await store.answer();
    await Promise.all(results);
    expect(store.batches.at(-1)).toEqual(['hot:2', 'hot:3']);
  });

  it('leaves an item that does not fit to the next batch, and all of its key behind it', async () => {
    const batches: string[][] = [];
    const commit = lane(
      async (batch) => {
        batches.push([...batch]);
        return stored([...batch]);
      },
      { fits: () => false }, // it is asked only about items of one key
    );
    await Promise.all(['a', 'b', 'a', 'c', 'c'].map((item) => commit.add(item)));
    expect(batches).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ]);
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
