import type { Delta, Hint, LogEntry } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import type { StreamText } from '../log/stream-texts.js';
import { Follower, type FollowerHost, type Slice } from './follower.js';
import type { LogListener } from './listener.js';
import { LiveTexts } from './live-texts.js';

/** How long a lost piece is waited for before the text is read, in milliseconds; it is saved about so often. */
const REPAIR_PAUSE = 100;

/** Where the logs are: what every {@link Following} of a node shares. */
export interface Source {
  /** Hears hints from the moment it resolves. @returns what ends it */
  subscribe(userId: number, listener: (hint: Hint) => void): Promise<() => void>;
  readHead(userId: number): Promise<ReadState>;
  readAfter(userId: number, position: number): Promise<Slice>;
  /** The answers that are arriving, as they were saved. */
  readTexts(userId: number): Promise<StreamText[]>;
  onError(error: unknown): void;
}

/** One log being followed, and those who listen. */
export class Following implements FollowerHost {
  readonly listeners = new Set<LogListener>();
  /** Rejects when the log could not be subscribed to or read. */
  readonly follower: Promise<Follower>;
  private started: Follower | undefined;
  private early: Hint[] | undefined = [];
  private readonly texts = new LiveTexts({
    onDelta: (delta) => this.tell((listener) => listener.onDelta?.(delta)),
    onGap: () => this.repairSoon(),
  });
  private repairTimer: NodeJS.Timeout | undefined;
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

  /** The answers that are arriving, each as one piece: what somebody needs who enters now. */
  liveTexts(): Delta[] {
    return this.texts.soFar();
  }

  get hasLiveTexts(): boolean {
    return this.texts.size > 0;
  }

  /** Anti-entropy: so much of the texts was saved. */
  compareTexts(saved: readonly StreamText[]): void {
    this.texts.repair(saved);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.repairTimer);
    this.unsubscribe?.();
  }

  readAfter(position: number): Promise<Slice> {
    return this.source.readAfter(this.userId, position);
  }

  onEntry(entry: LogEntry): void {
    this.tell((listener) => listener.onEntry(entry));
    this.attempt(() => this.texts.entry(entry));
  }

  onRead(state: ReadState): void {
    this.tell((listener) => listener.onRead?.(state));
  }

  onError(error: unknown): void {
    this.source.onError(error);
  }

  /**
   * Subscribes first, reads the head second and the texts third: each other order loses what falls between. An answer that
   * begins after the head was read comes as an entry.
   */
  private async start(): Promise<Follower> {
    this.unsubscribe = await this.source.subscribe(this.userId, (hint) => this.hear(hint));
    if (this.stopped) this.unsubscribe();
    const head = await this.source.readHead(this.userId);
    this.texts.begin(await this.source.readTexts(this.userId), head.seq);
    const follower = new Follower(head, this);
    this.started = follower;
    for (const hint of this.early ?? []) this.follow(follower, hint);
    this.early = undefined;
    return follower;
  }

  private hear(hint: Hint): void {
    if (hint.kind === 'typing') this.tell((listener) => listener.onTyping?.(hint));
    else if (this.started) this.follow(this.started, hint);
    else this.early?.push(hint);
  }

  private follow(follower: Follower, hint: Hint): void {
    if (hint.kind === 'log') follower.hint(hint);
    if (hint.kind === 'delta') this.texts.delta(hint.data, follower.state.seq);
  }

  private repairSoon(): void {
    if (!this.stopped) this.repairTimer ??= setTimeout(() => void this.repair(), REPAIR_PAUSE);
  }

  private async repair(): Promise<void> {
    try {
      this.compareTexts(await this.source.readTexts(this.userId));
    } catch (error) {
      this.onError(error);
    }
    this.repairTimer = undefined;
    if (this.texts.hasGap) this.repairSoon();
  }

  /** One listener's failure is not another's. */
  private tell(say: (listener: LogListener) => void): void {
    for (const listener of this.listeners) this.attempt(() => say(listener));
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.source.onError(error);
    }
  }
}
