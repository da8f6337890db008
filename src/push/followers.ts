import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import type { Hint, LogHint } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import { LogReader } from '../log/log-reader.js';
import { Audience } from './audience.js';
import { Follower } from './follower.js';

/** Most entries that one read of the log brings. */
export const CATCH_UP_PAGE = 200;

interface Following {
  readonly members: Set<string>;
  readonly follower: Promise<Follower>;
  /** Once it has started. */
  started?: Follower;
  stop(): void;
}

/** One follower for each platform user who is connected to this node, for as long as somebody is. */
@Injectable()
export class Followers implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Followers.name);
  private readonly following = new Map<number, Following>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly reader: LogReader,
    private readonly audience: Audience,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.schedule();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const following of this.following.values()) following.stop();
    this.following.clear();
  }

  /** `member` wants to hear of this log, until it {@link leave}s. */
  async join(userId: number, member: string): Promise<Follower> {
    const following = this.following.get(userId) ?? this.follow(userId);
    following.members.add(member);
    return following.follower;
  }

  leave(userId: number, member: string): void {
    const following = this.following.get(userId);
    if (!following?.members.delete(member) || following.members.size > 0) return;
    this.following.delete(userId);
    following.stop();
  }

  /** Anti-entropy: compares every follower of this node with its head, in one query. */
  async reconcile(): Promise<void> {
    if (this.following.size === 0) return;
    const heads = await this.reader.heads([...this.following.keys()]);
    for (const [userId, head] of heads) this.following.get(userId)?.started?.compare(head);
  }

  private follow(userId: number): Following {
    let unsubscribe: (() => void) | undefined;
    let stopped = false;
    const follower = this.start(userId, (end) => {
      if (stopped) end();
      else unsubscribe = end;
    });
    const following: Following = {
      members: new Set(),
      follower,
      stop: () => {
        stopped = true;
        unsubscribe?.();
      },
    };
    this.following.set(userId, following);
    follower.then(
      (started) => (following.started = started),
      () => this.forget(userId, following),
    );
    return following;
  }

  /** Subscribes first and reads the head second: the other order loses what falls between. */
  private async start(userId: number, onSubscribed: (unsubscribe: () => void) => void): Promise<Follower> {
    const early: LogHint[] = [];
    let onLogHint = (hint: LogHint): void => void early.push(hint);
    const listener = (hint: Hint): void => {
      if (hint.kind === 'typing') this.audience.typing(userId, hint);
      else onLogHint(hint);
    };
    onSubscribed(await this.bus.subscribe(userId, listener));
    const start = (await this.reader.heads([userId])).get(userId) ?? { seq: 0, read_seq: 0, unread_count: 0 };
    const follower = this.newFollower(userId, start);
    onLogHint = (hint) => follower.hint(hint);
    for (const hint of early) follower.hint(hint);
    return follower;
  }

  private newFollower(userId: number, start: ReadState): Follower {
    return new Follower({
      start,
      readAfter: (position) => this.reader.after(userId, position, CATCH_UP_PAGE),
      onEntry: (entry) => this.audience.entry(userId, entry),
      onRead: (state) => this.audience.read(userId, state),
      onError: (error) => this.logger.warn(`A follower could not catch up: ${String(error)}`),
    });
  }

  private forget(userId: number, following: Following): void {
    if (this.following.get(userId) === following) this.following.delete(userId);
    following.stop();
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.round(), this.config.RECONCILE_INTERVAL_MS);
  }

  private async round(): Promise<void> {
    await this.reconcile().catch((error: unknown) =>
      this.logger.warn(`Could not compare heads: ${String(error)}`),
    );
    if (this.timer) this.schedule();
  }
}
