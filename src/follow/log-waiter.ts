import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { LogEntry } from '../kernel/events.js';
import { Followers } from './followers.js';
import type { LogListener } from './listener.js';

export interface Wait<T> {
  /** Looks whether what is waited for is there. */
  look: () => Promise<T | undefined>;
  /** Whether an entry is a reason to look again. */
  isReason: (entry: LogEntry) => boolean;
  /** Longest wait, in milliseconds. */
  timeout: number;
  /** Ends the wait early, e.g. because the client is gone. */
  signal: AbortSignal;
}

/** Waits for something to happen in a log: what long polls stand on. */
@Injectable()
export class LogWaiter implements OnModuleDestroy {
  private readonly waiting = new Set<() => void>();
  private stopped = false;

  constructor(private readonly followers: Followers) {}

  /** How many wait. */
  get size(): number {
    return this.waiting.size;
  }

  /** @returns what `look` found, or `undefined` when time is up, the signal came, or this node goes away */
  async wait<T>(userId: number, { look, isReason, timeout, signal }: Wait<T>): Promise<T | undefined> {
    const bell = new Bell();
    const listener: LogListener = { onEntry: (entry) => void (isReason(entry) && bell.ring()) };
    const end = (): void => bell.end();
    const timer = setTimeout(end, timeout);
    signal.addEventListener('abort', end);
    this.waiting.add(end);
    if (this.stopped) end();
    try {
      await this.followers.join(userId, listener); // listening first, looking second: nothing falls between
      for (;;) {
        const found = await look();
        if (found !== undefined || signal.aborted || !(await bell.next())) return found;
      }
    } finally {
      clearTimeout(timer);
      this.waiting.delete(end);
      signal.removeEventListener('abort', end);
      this.followers.leave(userId, listener);
    }
  }

  /** A node that goes away answers those who wait, with what there is. */
  onModuleDestroy(): void {
    this.stopped = true;
    for (const end of this.waiting) end();
  }
}

/** Remembers one ring until somebody asks. */
class Bell {
  private rung = false;
  private ended = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  /** @returns whether it rang; false when it has ended */
  async next(): Promise<boolean> {
    if (!this.rung && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    this.wake = undefined;
    const rang = this.rung;
    this.rung = false;
    return rang;
  }
}
