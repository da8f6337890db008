import type { Hint, LogEntry, LogHint } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import { Follower, type Slice } from './follower.js';
import type { LogListener } from './listener.js';

export interface FollowingOptions {
  /** Hears hints from the moment it resolves. @returns what ends it */
  subscribe(listener: (hint: Hint) => void): Promise<() => void>;
  readHead(): Promise<ReadState>;
  readAfter(position: number): Promise<Slice>;
  onError(error: unknown): void;
}

/** One log being followed, and those who listen. */
export class Following {
  readonly listeners = new Set<LogListener>();
  /** Rejects when the log could not be subscribed to or read. */
  readonly follower: Promise<Follower>;
  private started: Follower | undefined;
  private unsubscribe: (() => void) | undefined;
  private stopped = false;

  constructor(private readonly options: FollowingOptions) {
    this.follower = this.start();
  }

  /** Anti-entropy: the head is there now. */
  compare(head: ReadState): void {
    this.started?.compare(head);
  }

  stop(): void {
    this.stopped = true;
    this.unsubscribe?.();
  }

  /** Subscribes first and reads the head second: the other order loses what falls between. */
  private async start(): Promise<Follower> {
    const early: LogHint[] = [];
    this.unsubscribe = await this.options.subscribe((hint) => {
      if (hint.kind === 'typing') this.tell((listener) => listener.onTyping?.(hint));
      else if (this.started) this.started.hint(hint);
      else early.push(hint);
    });
    if (this.stopped) this.unsubscribe();
    const follower = this.newFollower(await this.options.readHead());
    this.started = follower;
    for (const hint of early) follower.hint(hint);
    return follower;
  }

  private newFollower(start: ReadState): Follower {
    return new Follower({
      start,
      readAfter: (position) => this.options.readAfter(position),
      onEntry: (entry: LogEntry) => this.tell((listener) => listener.onEntry(entry)),
      onRead: (state: ReadState) => this.tell((listener) => listener.onRead?.(state)),
      onError: (error) => this.options.onError(error),
    });
  }

  /** One listener's failure is not another's. */
  private tell(say: (listener: LogListener) => void): void {
    for (const listener of this.listeners) {
      try {
        say(listener);
      } catch (error) {
        this.options.onError(error);
      }
    }
  }
}
