interface Look<T> {
  value: T;
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

/**
 * Work on many things at once, but on each thing one after the other. What is asked for again while it waits is done once,
 * with the latest word; while it is under way, once more.
 */
export class LookQueue<T> {
  private readonly waiting = new Map<string, Look<T>>();
  private readonly running = new Set<string>();

  /**
   * @param work never rejects
   * @param width how many things at once
   */
  constructor(
    private readonly work: (key: string, value: T) => Promise<void>,
    private readonly width: number,
  ) {}

  /** Resolves when it has been done after this call. */
  add(key: string, value: T): Promise<void> {
    const known = this.waiting.get(key);
    if (known) known.value = value;
    const look = known ?? newLook(value);
    this.waiting.set(key, look);
    this.start();
    return look.done;
  }

  /** Forgets what has not begun. */
  clear(): void {
    for (const { resolve } of this.waiting.values()) resolve();
    this.waiting.clear();
  }

  private start(): void {
    for (const [key, look] of this.waiting) {
      if (this.running.size >= this.width) return;
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      this.running.add(key);
      void this.run(key, look);
    }
  }

  private async run(key: string, { value, resolve }: Look<T>): Promise<void> {
    await this.work(key, value);
    this.running.delete(key);
    resolve();
    this.start();
  }
}

function newLook<T>(value: T): Look<T> {
  let resolve = (): void => undefined;
  const done = new Promise<void>((settle) => (resolve = settle));
  return { value, done, resolve };
}
