import type { RedisConnection } from '../redis/redis-connection.js';
import { within } from '../redis/within.js';

/** Most channels that are subscribed to at once. */
const CHUNK = 1000;
/** How long a chunk of subscriptions may take, in milliseconds. */
const CHUNK_TIMEOUT = 3000;

/** The sharded channels that one connection hears, each confirmed by the server, and the proof that it hears. */
export class RedisChannels {
  private readonly subscribed = new Map<string, Promise<void>>();
  /** Channels that the server did not grant: asked for again at the next proof. */
  private readonly refused = new Set<string>();
  private onProbe: (() => void) | undefined;

  /**
   * @param probe a channel of this connection alone
   * @param onText hears what is said on the other channels
   * @param onMoved the server no longer has a channel
   */
  constructor(
    private readonly connection: RedisConnection,
    private readonly probe: string,
    private readonly onText: (text: string, channel: string) => void,
    onMoved: () => void,
  ) {
    connection.on('sharded-channel-moved', (channel: string) => {
      this.subscribed.delete(channel);
      onMoved();
    });
  }

  /** Resolves when the server has confirmed the subscription. */
  listen(channel: string): Promise<void> {
    const known = this.subscribed.get(channel);
    if (known) return known;
    this.refused.delete(channel);
    const subscribing = this.subscribe(channel, this.hear);
    this.subscribed.set(channel, subscribing);
    subscribing.catch(() => {
      if (this.subscribed.get(channel) !== subscribing) return; // nobody wants it any more
      this.subscribed.delete(channel);
      this.refused.add(channel);
    });
    return subscribing;
  }

  leave(channel: string): void {
    this.refused.delete(channel);
    if (!this.subscribed.delete(channel)) return;
    this.connection.sUnsubscribe(channel, this.hear).catch(() => undefined); // then the connection is gone
  }

  /** Listens to these channels and to no others. @throws Error when a subscription is not confirmed */
  async keep(channels: ReadonlySet<string>): Promise<void> {
    for (const channel of [...this.subscribed.keys(), ...this.refused])
      if (!channels.has(channel)) this.leave(channel);
    const missing = [...channels].filter((channel) => !this.subscribed.has(channel));
    for (let start = 0; start < missing.length; start += CHUNK) {
      const chunk = missing.slice(start, start + CHUNK).map((channel) => this.listen(channel));
      await within(CHUNK_TIMEOUT, Promise.all(chunk));
    }
  }

  /** Begins to hear the probe. */
  async open(): Promise<void> {
    await within(
      CHUNK_TIMEOUT,
      this.subscribe(this.probe, () => this.onProbe?.()),
    );
  }

  /** Resolves when this connection has heard what it says now. Asks again for what was refused, and does not wait for it. */
  async prove(): Promise<void> {
    this.askAgain();
    const heard = new Promise<void>((resolve) => (this.onProbe = resolve));
    await this.connection.sendCommand(['SPUBLISH', this.probe, '']);
    await heard;
  }

  private askAgain(): void {
    for (const channel of [...this.refused].slice(0, CHUNK)) this.listen(channel).catch(() => undefined);
  }

  private readonly hear = (text: string, channel: string): void => this.onText(text, channel);

  private async subscribe(channel: string, listener: (text: string, channel: string) => void): Promise<void> {
    await this.connection.sSubscribe(channel, listener);
  }
}
