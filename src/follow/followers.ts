import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import { LogReader } from '../log/log-reader.js';
import { type StreamText, StreamTexts } from '../log/stream-texts.js';
import type { Delta } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import type { Follower } from './follower.js';
import { Following, type Source } from './following.js';
import type { LogListener } from './listener.js';
import { SharedReads } from './shared-reads.js';

/** Most entries that one read of the log brings. */
export const CATCH_UP_PAGE = 200;
const EMPTY_LOG: ReadState = { seq: 0, read_seq: 0, unread_count: 0 };

/** One follower for each platform user whom somebody on this node listens to, for as long as somebody does. */
@Injectable()
export class Followers implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Followers.name);
  private readonly following = new Map<number, Following>();
  private readonly source: Source;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly reader: LogReader,
    private readonly texts: StreamTexts,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const heads = new SharedReads<ReadState>((userIds) => reader.heads(userIds), EMPTY_LOG);
    const live = new SharedReads<StreamText[]>((userIds) => texts.of(userIds), []);
    this.source = {
      subscribe: (userId, listener) => bus.subscribe(userId, listener),
      readHead: (userId) => heads.read(userId),
      readTexts: (userId) => live.read(userId),
      readAfter: (userId, position) => reader.after(userId, position, CATCH_UP_PAGE),
      onError: (error) => this.logger.warn(`A follower could not pass on its log: ${String(error)}`),
    };
  }

  onModuleInit(): void {
    this.bus.onLapse(() => void this.look());
    this.schedule();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const following of this.following.values()) following.stop();
    this.following.clear();
  }

  /**
   * `listener` hears this log from the follower's present position on, until it {@link leave}s.
   *
   * @returns the follower: where it stands when this resolves is where the listener begins
   */
  async join(userId: number, listener: LogListener): Promise<Follower> {
    const following = this.following.get(userId) ?? this.follow(userId);
    following.listeners.add(listener);
    return following.follower;
  }

  leave(userId: number, listener: LogListener): void {
    const following = this.following.get(userId);
    if (!following?.listeners.delete(listener) || following.listeners.size > 0) return;
    this.following.delete(userId);
    following.stop();
  }

  /** The answers that are arriving in a log that is followed, each as one piece from its beginning on. */
  liveTexts(userId: number): Delta[] {
    return this.following.get(userId)?.liveTexts() ?? [];
  }

  /** Anti-entropy: compares every follower of this node with its head, and its texts with what was saved, in one query each. */
  async reconcile(): Promise<void> {
    if (this.following.size === 0) return;
    const heads = await this.reader.heads([...this.following.keys()]);
    for (const [userId, head] of heads) this.following.get(userId)?.compare(head);
    const live = [...this.following]
      .filter(([, following]) => following.hasLiveTexts)
      .map(([userId]) => userId);
    if (live.length === 0) return;
    for (const [userId, texts] of await this.texts.of(live)) this.following.get(userId)?.compareTexts(texts);
  }

  private follow(userId: number): Following {
    const following = new Following(userId, this.source);
    this.following.set(userId, following);
    following.follower.catch(() => this.forget(userId, following));
    return following;
  }

  private forget(userId: number, following: Following): void {
    if (this.following.get(userId) === following) this.following.delete(userId);
    following.stop();
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.round(), this.config.RECONCILE_INTERVAL_MS);
  }

  private async round(): Promise<void> {
    await this.look();
    if (this.timer) this.schedule();
  }

  private async look(): Promise<void> {
    await this.reconcile().catch((error: unknown) =>
      this.logger.warn(`Could not compare heads: ${String(error)}`),
    );
  }
}
