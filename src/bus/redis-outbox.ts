import type { RedisConnection } from '../redis/redis-connection.js';
import type { RedisLink } from '../redis/redis-link.js';
import { breathe } from './breath.js';
import { HintQueue } from './hint-queue.js';

/** Most hints on the wire to one server. */
const MAX_BATCH = 500;
/** What waits for one server while it is slow or away; beyond it the older half is dropped. */
export const MAX_WAITING = { hints: 10_000, characters: 8 * 1024 * 1024 };

/** A hint, and the channel that it goes to. */
interface Addressed {
  readonly channel: string;
  readonly text: string;
  /** Of the text, for {@link HintQueue}. */
  readonly length: number;
}

/** What waits to be said to one server: what gathers while a batch is on the wire goes out in the next. */
export class RedisOutbox {
  private readonly waiting = new HintQueue<Addressed>(MAX_WAITING);
  private sending: Promise<void> | undefined;

  /**
   * @param onRefusal hears what the server answers instead of taking a text
   */
  constructor(
    private readonly link: RedisLink,
    private readonly onRefusal: (error: unknown) => void,
  ) {}

  /** @returns how many texts were dropped to make room */
  push(channel: string, text: string): number {
    const dropped = this.waiting.push({ channel, text, length: text.length });
    void this.send();
    return dropped;
  }

  /** Sends what waits, if the server is there. Resolves when it is sent, or the server is gone. */
  send(): Promise<void> {
    return (this.sending ??= this.sendAll().finally(() => (this.sending = undefined)));
  }

  /** Begins when whoever publishes has done so with all it has: hints of messages that were written together go together. */
  private async sendAll(): Promise<void> {
    await Promise.resolve();
    for (let { connection } = this.link; connection && this.waiting.size > 0; { connection } = this.link)
      await breathe(await this.sendSome(connection));
  }

  /**
   * What the server refuses is lost; what did not get there goes again over the next connection.
   *
   * @returns how many hints were tried
   */
  private async sendSome(connection: RedisConnection): Promise<number> {
    const batch = this.waiting.take(MAX_BATCH);
    const sent = await Promise.allSettled(
      batch.map(({ channel, text }) => connection.sendCommand(['SPUBLISH', channel, text])),
    );
    if (!connection.isReady) {
      this.waiting.putBack(batch.filter((_, index) => sent[index]?.status === 'rejected'));
    } else {
      const refused = sent.find((one) => one.status === 'rejected');
      if (refused) this.onRefusal(refused.reason);
    }
    return batch.length;
  }
}
