import { setTimeout as delay } from 'node:timers/promises';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../kernel/clock.js';
import type { RateWindows } from './persistence/rate-windows.js';
import { FLUSH_INTERVAL, SharedWindow } from './shared-window.js';
import type { StorageRecord } from './storage-record.js';

/** Most keys in one statement. */
const MAX_BATCH = 1000;
/** Keys that this node remembers, about 300 bytes each. One that is forgotten is compared when it comes again. */
const MAX_KEYS = 100_000;
/** How long requests wait for the shared count before the node counts by itself, in milliseconds. */
const COMPARE_TIMEOUT = 1000;
/** How often a node that counts by itself tries to write, in milliseconds. */
const RETRY_INTERVAL = 1000;
/** How often each node deletes windows that are over, in milliseconds. */
const SWEEP_INTERVAL = 600_000;

/**
 * One count for all nodes that share a database. A request waits for its hit to be written, and hits that come while
 * others are being written are written together; under load a key is answered on trust in between, and written every
 * {@link FLUSH_INTERVAL}. So n nodes together let at most n × limit × `TRUSTED_SHARE` more through than the limit, and
 * requests one after the other are counted exactly. Without the database each node goes on by itself.
 */
export class PostgresStorage implements ThrottlerStorage, OnModuleDestroy {
  private readonly logger = new Logger(PostgresStorage.name);
  private readonly windows = new LRUCache<string, SharedWindow>({
    max: MAX_KEYS,
    dispose: (window) => this.forget(window),
  });
  /** Windows with hits that are not written yet. */
  private readonly unwritten = new Set<SharedWindow>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | undefined;
  private isAway = false;
  private stopped = false;
  private nextSweep: number;

  constructor(
    private readonly table: RateWindows,
    private readonly clock: Clock,
  ) {
    this.nextSweep = clock.now() + SWEEP_INTERVAL;
  }

  /** Whether this node counts by itself for now. */
  get isLocal(): boolean {
    return this.isAway;
  }

  /** Writes what is not written yet, if the database is there. From now on nothing is left to be written later. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    if (this.unwritten.size === 0 || this.isAway) return;
    this.flushNow();
    await Promise.race([this.flushing, delay(COMPARE_TIMEOUT, undefined, { ref: false })]);
  }

  /** Counts a hit. Never fails. @param ttl how long a window lasts, in milliseconds */
  async increment(key: string, ttl: number, limit: number): Promise<StorageRecord> {
    const now = this.clock.now();
    const window = this.window(key, ttl, now);
    if (window.isSpent(limit, this.isAway)) return window.refusal(limit, now);
    this.unwritten.add(window);
    if (this.isAway || (!this.stopped && window.mayTrust(limit, now))) {
      this.flushLater();
      return window.hitOnTrust(limit, now);
    }
    this.flushNow();
    return window.hit(limit);
  }

  private window(key: string, ttl: number, now: number): SharedWindow {
    let window = this.windows.get(key);
    window?.renew(now);
    if (!window) this.windows.set(key, (window = new SharedWindow(key, ttl, now)));
    return window;
  }

  /** More keys than fit, most likely while the database is away: the one that was used least recently goes. */
  private forget(window: SharedWindow): void {
    window.answerAll(this.clock.now());
    this.unwritten.delete(window);
  }

  private flushLater(): void {
    if (this.stopped || this.flushing) return; // it looks for what is left when it ends
    this.timer ??= setTimeout(() => this.flushNow(), this.isAway ? RETRY_INTERVAL : FLUSH_INTERVAL);
  }

  private flushNow(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing ??= this.flush();
  }

  private async flush(): Promise<void> {
    do {
      await Promise.resolve(); // what comes in the same turn is written together
      await this.write(this.batch());
    } while (!this.isAway && this.mustGoOn());
    this.flushing = undefined;
    if (this.unwritten.size > 0) this.flushLater();
    if (this.clock.now() >= this.nextSweep) await this.sweep();
  }

  /** The next to be written. A window that ended may have nothing left to write. */
  private batch(): SharedWindow[] {
    for (const window of this.unwritten) if (!window.hasHits) this.unwritten.delete(window);
    return [...this.unwritten].slice(0, MAX_BATCH);
  }

  /** Whether what is left cannot wait. */
  private mustGoOn(): boolean {
    if (this.stopped) return this.unwritten.size > 0;
    for (const window of this.unwritten) if (window.isAwaited) return true;
    return false;
  }

  private async write(windows: readonly SharedWindow[]): Promise<void> {
    const timer = setTimeout(() => this.goOnAlone(windows, 'it is slow'), COMPARE_TIMEOUT);
    for (const window of windows) this.unwritten.delete(window);
    const hits = windows.map((window) => ({ key: window.key, ttl: window.ttl, count: window.take() }));
    try {
      const stored = await this.table.add(hits);
      const now = this.clock.now();
      const byKey = new Map(windows.map((window) => [window.key, window]));
      for (const { key, hits, ends_in: endsIn } of stored) byKey.get(key)?.written(hits, endsIn, now);
      this.isAway = false;
    } catch (error) {
      for (const window of windows) {
        window.notWritten(this.clock.now());
        if (this.windows.peek(window.key) === window) this.unwritten.add(window);
      }
      this.goOnAlone(windows, String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  private goOnAlone(windows: readonly SharedWindow[], reason: string): void {
    if (!this.isAway) this.logger.warn(`This node counts by itself for now, the database is away: ${reason}`);
    this.isAway = true;
    for (const window of [...windows, ...this.unwritten]) window.answerAll(this.clock.now());
  }

  private async sweep(): Promise<void> {
    this.nextSweep = this.clock.now() + SWEEP_INTERVAL;
    await this.table.sweep().catch((error: unknown) => this.logger.warn(error));
  }
}
