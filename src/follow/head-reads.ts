import type { ReadState } from '../kernel/wire.dto.js';

const EMPTY_LOG: ReadState = { seq: 0, read_seq: 0, unread_count: 0 };

interface Waiting {
  resolve(head: ReadState): void;
  reject(error: unknown): void;
}

/**
 * Reads the heads of logs that begin to be followed. Who asks while a read is under way shares the next one: a thousand
 * clients that come back at once cost a few queries. A head is never older than the question.
 */
export class HeadReads {
  private waiting = new Map<number, Waiting[]>();
  private running = false;

  /** @param readHeads the heads of these logs; a log that does not exist is missing */
  constructor(private readonly readHeads: (userIds: number[]) => Promise<Map<number, ReadState>>) {}

  /** The head of a log as it is now; the empty one if there is no such log. */
  read(userId: number): Promise<ReadState> {
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

  private async answer(asked: ReadonlyMap<number, readonly Waiting[]>): Promise<void> {
    try {
      const heads = await this.readHeads([...asked.keys()]);
      for (const [userId, all] of asked) for (const one of all) one.resolve(heads.get(userId) ?? EMPTY_LOG);
    } catch (error) {
      for (const all of asked.values()) for (const one of all) one.reject(error);
    }
  }
}
