import { ParleyError } from '../kernel/errors.js';

interface Waiting<Item, Result> {
  readonly item: Item;
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
  /** Whether `item` may share a batch with those before it. */
  fits(batch: readonly Item[], item: Item): boolean;
  /** Most items in one batch. */
  maxBatch: number;
  /** Most items that may wait; beyond it `add` refuses. */
  limit: number;
}

/**
 * Group commit: what arrives while a batch is being written is written together next. One batch in flight, first in
 * first out, no timer: at low load a batch is one item and waits for nothing.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private running = false;
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
      this.waiting.push({ item, resolve, reject });
      if (!this.running) this.start();
    });
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drained(): Promise<void> {
    if (this.running) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private start(): void {
    this.running = true;
    // One turn of the event loop, so that requests which arrived together are written together.
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) await this.settle(this.takeBatch());
    this.running = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private takeBatch(): Waiting<Item, Result>[] {
    const items: Item[] = [];
    for (const { item } of this.waiting) {
      if (items.length === this.options.maxBatch || !this.options.fits(items, item)) break;
      items.push(item);
    }
    return this.waiting.splice(0, Math.max(1, items.length));
  }

  private async settle(batch: Waiting<Item, Result>[]): Promise<void> {
    const outcomes = await this.write(batch.map(({ item }) => item));
    batch.forEach((waiting, index) => {
      const outcome = outcomes[index];
      if (outcome && 'ok' in outcome) waiting.resolve(outcome.ok);
      else waiting.reject(outcome?.failed ?? new Error('a batch was answered with too few outcomes'));
    });
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
