import { recordOf, type StorageRecord } from './storage-record.js';

/** How long a comparison with the shared count is trusted, and how often hits on trust are written, in milliseconds. */
export const FLUSH_INTERVAL = 100;
/** Of what was left at the last comparison, this part may be spent on trust before the next one. */
export const TRUSTED_SHARE = 0.1;

/** A request that waits for its number. */
interface Waiting {
  readonly limit: number;
  /** Its place among the hits that are written together, from 1. */
  place: number;
  readonly resolve: (record: StorageRecord) => void;
}

/** What one node knows of a window that all nodes count in: what is stored, and what it has not written yet. */
export class SharedWindow {
  /** The shared count when it was last compared. */
  private stored = 0;
  private comparedAt = -Infinity;
  /** Hits that wait to be written, and hits that are being written. */
  private pending = 0;
  private writing = 0;
  private waiting: Waiting[] = [];
  private asking: Waiting[] = [];
  private endsAt: number;

  /**
   * @param ttl how long a window lasts, in milliseconds
   * @param now milliseconds since the epoch
   */
  constructor(
    readonly key: string,
    readonly ttl: number,
    now: number,
  ) {
    this.endsAt = now + ttl;
  }

  get hasHits(): boolean {
    return this.pending > 0;
  }

  get isAwaited(): boolean {
    return this.waiting.length > 0;
  }

  /** Hits of which it is known that they are or will be stored. */
  private get count(): number {
    return this.stored + this.writing + this.pending;
  }

  /** Begins anew when it is over. Hits on trust belonged to the old window, and end with it. */
  renew(now: number): void {
    if (this.endsAt > now) return;
    this.endsAt = now + this.ttl;
    this.comparedAt = -Infinity;
    this.stored = 0;
    this.pending = this.waiting.length;
    this.waiting.forEach((one, index) => (one.place = index + 1));
  }

  /**
   * Whether a further hit is beyond the limit for certain: the shared count only grows.
   *
   * @param alone nobody can be asked, so a window that was never compared counts as it is
   */
  isSpent(limit: number, alone: boolean): boolean {
    return (alone || this.comparedAt > -Infinity) && this.count >= limit;
  }

  /**
   * Whether a hit may be answered before it is written. Only under load, when hits of this key are on their way already:
   * requests one after the other, on whichever nodes, are counted exactly.
   */
  mayTrust(limit: number, now: number): boolean {
    const unwritten = this.pending + this.writing;
    const isFresh = now - this.comparedAt < FLUSH_INTERVAL;
    return isFresh && unwritten > 0 && unwritten < Math.floor((limit - this.stored) * TRUSTED_SHARE);
  }

  /** Counts a hit, and answers by what this node knows. */
  hitOnTrust(limit: number, now: number): StorageRecord {
    this.pending++;
    return this.record(this.count, limit, now);
  }

  /** Counts a hit, and answers once it is written. */
  hit(limit: number): Promise<StorageRecord> {
    const place = ++this.pending;
    return new Promise((resolve) => this.waiting.push({ limit, place, resolve }));
  }

  /** The answer to a hit that is beyond the limit for certain, and is not counted any more. */
  refusal(limit: number, now: number): StorageRecord {
    return this.record(this.count + 1, limit, now);
  }

  /** Takes the hits that are to be written now. */
  take(): number {
    [this.asking, this.waiting] = [this.waiting, []];
    [this.writing, this.pending] = [this.pending, 0];
    return this.writing;
  }

  /** What was taken is written. @param endsIn milliseconds until the window ends */
  written(hits: number, endsIn: number, now: number): void {
    const before = hits - this.writing;
    [this.stored, this.writing, this.comparedAt, this.endsAt] = [hits, 0, now, now + endsIn];
    for (const { limit, place, resolve } of this.asking) resolve(this.record(before + place, limit, now));
    this.asking = [];
  }

  /** What was taken could not be written: it waits for the next time. */
  notWritten(now: number): void {
    this.answerAll(now);
    this.pending += this.writing;
    this.writing = 0;
  }

  /** Answers whoever waits by what this node knows. */
  answerAll(now: number): void {
    const written = this.stored + this.writing;
    for (const { limit, place, resolve } of this.asking)
      resolve(this.record(this.stored + place, limit, now));
    for (const { limit, place, resolve } of this.waiting) resolve(this.record(written + place, limit, now));
    [this.asking, this.waiting] = [[], []];
  }

  private record(totalHits: number, limit: number, now: number): StorageRecord {
    return recordOf(totalHits, limit, this.endsAt - now);
  }
}
