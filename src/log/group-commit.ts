import { ParleyError } from '../kernel/errors.js';

/** Most batches on their way at once: one that the store works on, and the next. */
const MOST_ON_THE_WAY = 2;
/** Fewest items of a batch that goes out behind another: each batch is a commit, and fewer are better off in the next. */
const WORTH_A_COMMIT = 8;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly key: unknown;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** What became of one item of a batch. */
export type Outcome<Result> = { readonly ok: Result } | { readonly failed: unknown };

export interface GroupCommitOptions<Item, Result> {
  /** Writes a batch: an outcome for each item, in order. Throws only when it has written nothing. */
  write(batch: readonly Item[]): Promise<Outcome<Result>[]>;
  /** Whether a failed batch is worth retrying one by one: one bad item must not fail its neighbours. */
  worthSplitting: (error: unknown) => boolean;
  /** Items of one key are written in the order in which they came. */
  keyOf(item: Item): unknown;
  /** Whether `item` may share a batch with those before it, some of which have its key. */
  fits(batch: readonly Item[], item: Item): boolean;
  /** Most items in one batch. */
  maxBatch: number;
  /** Most items that may wait; beyond it `add` refuses. */
  limit: number;
}

/**
 * Group commit: what arrives while a batch is being written is written together next, without a timer: at low load a batch
 * is one item and waits for nothing. Under load a second batch is sent behind the first, so that the store need not wait
 * for this node between two. They have no key in common, so whatever becomes of the first, the order of a key is kept.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  /** Not a `Set`: V8 links the table of one that has grown to the next, and so keeps what was in it (decision 22). */
  private onTheWay: readonly (readonly Waiting<Item, Result>[])[] = [];
  private isPlanned = false;
  private idle: (() => void)[] = [];

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  /**
   * Resolves when the item is durable.
   *
   * @throws ParleyError `service_unavailable` at once when too many wait; the item is then not written
   */
  add(item: Item): Promise<Result> {
    if (this.waiting.length >= this.options.limit)
      return Promise.reject(
        new ParleyError('service_unavailable', 'Too many messages are waiting to be written.', {}, 1),
      );
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, key: this.options.keyOf(item), resolve, reject });
      this.plan();
    });
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drained(): Promise<void> {
    if (!this.isIdle) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private get isIdle(): boolean {
    return this.waiting.length === 0 && this.onTheWay.length === 0;
  }

  /** One turn of the event loop, so that requests which arrived together are written together. */
  private plan(): void {
    if (this.isPlanned || !this.mayGo(this.waiting.length)) return;
    this.isPlanned = true;
    setImmediate(() => {
      this.isPlanned = false;
      this.sendAll();
    });
  }

  private sendAll(): void {
    for (let batch = this.takeBatch(); batch; batch = this.takeBatch()) void this.send(batch);
    if (this.isIdle) for (const resolve of this.idle.splice(0)) resolve();
  }

  private mayGo(items: number): boolean {
    if (this.onTheWay.length === 0) return items > 0;
    return this.onTheWay.length < MOST_ON_THE_WAY && items >= WORTH_A_COMMIT;
  }

  /** The oldest that may go; nothing passes by what has its key, be it waiting or on the way. */
  private takeBatch(): Waiting<Item, Result>[] | undefined {
    if (!this.mayGo(this.waiting.length)) return undefined;
    const held = new Set<unknown>(this.onTheWay.flatMap((batch) => batch.map(({ key }) => key)));
    const taken = new Set<unknown>();
    const items: Item[] = [];
    const batch: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    let seen = 0;
    for (const one of this.waiting) {
      if (items.length === this.options.maxBatch) break;
      seen++;
      if (!held.has(one.key) && (!taken.has(one.key) || this.options.fits(items, one.item))) {
        batch.push(one);
        items.push(one.item);
        taken.add(one.key);
      } else {
        left.push(one);
        held.add(one.key);
      }
    }
    if (!this.mayGo(batch.length)) return undefined;
    this.waiting = [...left, ...this.waiting.slice(seen)];
    return batch;
  }

  private async send(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    this.onTheWay = [...this.onTheWay, batch];
    const outcomes = await this.write(batch.map(({ item }) => item));
    this.onTheWay = this.onTheWay.filter((other) => other !== batch);
    batch.forEach((waiting, index) => {
      const outcome = outcomes[index];
      if (outcome && 'ok' in outcome) waiting.resolve(outcome.ok);
      else waiting.reject(outcome?.failed ?? new Error('a batch was answered with too few outcomes'));
    });
    this.sendAll(); // before those who have just been answered go on
  }

  private write(items: readonly Item[]): Promise<Outcome<Result>[]> {
    return writeOrSplit(items, (some) => this.options.write(some), this.options.worthSplitting);
  }
}

/**
 * Writes items together; where that fails and is worth it, one by one: one bad item must not fail its neighbours.
 *
 * @param write an outcome for each item, in order; throws only when it has written nothing
 */
export async function writeOrSplit<Item, Result>(
  items: readonly Item[],
  write: (items: readonly Item[]) => Promise<Outcome<Result>[]>,
  worthSplitting: (error: unknown) => boolean,
): Promise<Outcome<Result>[]> {
  try {
    return await write(items);
  } catch (error) {
    if (items.length === 1 || !worthSplitting(error)) return items.map(() => ({ failed: error }));
    const outcomes: Outcome<Result>[] = [];
    for (const item of items) outcomes.push(...(await writeOrSplit([item], write, worthSplitting)));
    return outcomes;
  }
}
