import type { ThrottlerStorage } from '@nestjs/throttler';
import type { Clock } from '../kernel/clock.js';
import { recordOf, type StorageRecord } from './storage-record.js';

/** How often windows that are over are dropped, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

interface Window {
  hits: number;
  /** Milliseconds since the epoch. */
  endsAt: number;
}

/**
 * Counts in fixed windows that begin with a key's first request. One number for each key: the stock storage keeps an
 * array of every hit, and costs 1 ms a request at 60,000 of them.
 */
export class MemoryStorage implements ThrottlerStorage {
  private readonly windows = new Map<string, Window>();
  private nextSweep = 0;

  constructor(private readonly clock: Clock) {}

  increment(key: string, ttl: number, limit: number): Promise<StorageRecord> {
    const window = this.current(key, ttl);
    window.hits++;
    return Promise.resolve(recordOf(window.hits, limit, window.endsAt - this.clock.now()));
  }

  private current(key: string, ttl: number): Window {
    const now = this.clock.now();
    const known = this.windows.get(key);
    if (known && known.endsAt > now) return known;
    if (now >= this.nextSweep) this.sweep(now);
    const fresh = { hits: 0, endsAt: now + ttl };
    this.windows.set(key, fresh);
    return fresh;
  }

  private sweep(now: number): void {
    this.nextSweep = now + SWEEP_INTERVAL;
    for (const [key, window] of this.windows) if (window.endsAt <= now) this.windows.delete(key);
  }
}
