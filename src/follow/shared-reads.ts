interface Waiting<Value> {
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/**
 * Reads something of logs that begin to be followed, e.g. their heads. Who asks while a read is under way shares the next
 * one: a thousand clients that come back at once cost a few queries. An answer is never older than the question.
 */
export class SharedReads<Value> {
  private waiting = new Map<number, Waiting<Value>[]>();
  private running = false;

  /**
   * @param readMany what these logs have; one that has nothing is missing
   * @param nothing stands for what is missing
   */
  constructor(
    private readonly readMany: (userIds: number[]) => Promise<Map<number, Value>>,
    private readonly nothing: Value,
  ) {}

  /** What a log has now. */
  read(userId: number): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.waiting.set(userId, [...(this.waiting.get(userId) ?? []), { resolve, reject }]);
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.size > 0) {
      await Promise.resolve(); // what is asked in the same turn is read together
      const asked = this.waiting;
      this.waiting = new Map();
      await this.answer(asked);
    }
    this.running = false;
  }

  private async answer(asked: ReadonlyMap<number, readonly Waiting<Value>[]>): Promise<void> {
    try {
      const found = await this.readMany([...asked.keys()]);
      for (const [userId, all] of asked)
        for (const one of all) one.resolve(found.get(userId) ?? this.nothing);
    } catch (error) {
      for (const all of asked.values()) for (const one of all) one.reject(error);
    }
  }
}
