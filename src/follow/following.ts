import type { Hint, LogEntry, LogHint } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import { Follower, type FollowerHost, type Slice } from './follower.js';
import type { LogListener } from './listener.js';

/** Where the logs are: what every {@link Following} of a node shares. */
export interface Source {
  /** Hears hints from the moment it resolves. @returns what ends it */
  subscribe(userId: number, listener: (hint: Hint) => void): Promise<() => void>;
  readHead(userId: number): Promise<ReadState>;
  readAfter(userId: number, position: number): Promise<Slice>;
  onError(error: unknown): void;
}

/** One log being followed, and those who listen. */
export class Following implements FollowerHost {
  readonly listeners = new Set<LogListener>();
  /** Rejects when the log could not be subscribed to or read. */
  readonly follower: Promise<Follower>;
  private started: Follower | undefined;
  private early: LogHint[] | undefined = [];
  private unsubscribe: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly userId: number,
    private readonly source: Source,
  ) {
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

  readAfter(position: number): Promise<Slice> {
    return this.source.readAfter(this.userId, position);
  }

  onEntry(entry: LogEntry): void {
    this.tell((listener) => listener.onEntry(entry));
  }

  onRead(state: ReadState): void {
    this.tell((listener) => listener.onRead?.(state));
  }

  onError(error: unknown): void {
    this.source.onError(error);
  }

  /** Subscribes first and reads the head second: the other order loses what falls between. */
  private async start(): Promise<Follower> {
    this.unsubscribe = await this.source.subscribe(this.userId, (hint) => this.hear(hint));
    if (this.stopped) this.unsubscribe();
    const follower = new Follower(await this.source.readHead(this.userId), this);
    this.started = follower;
    for (const hint of this.early ?? []) follower.hint(hint);
    this.early = undefined;
    return follower;
  }

  private hear(hint: Hint): void {
    if (hint.kind === 'typing') this.tell((listener) => listener.onTyping?.(hint));
    if (hint.kind !== 'log') return;
    if (this.started) this.started.hint(hint);
    else this.early?.push(hint);
  }

  /** One listener's failure is not another's. */
  private tell(say: (listener: LogListener) => void): void {
    for (const listener of this.listeners) {
      try {
        say(listener);
      } catch (error) {
        this.source.onError(error);
      }
    }
  }
}
