import { Inject, Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CONFIG, type Config } from '../config/config.js';
import { DeliveryAttempts } from './delivery-attempts.js';
import { type DeliveryJob, DeliveryQueue } from './delivery-queue.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';

/** A request that takes longer than this makes its endpoint a slow one, until one is faster, in milliseconds. */
const SLOW = 1000;
/** What part of a node's slots a slow endpoint may have: it leaves room for the others. */
const SLOW_SHARE = 0.5;
/** How long what finds no slot of its slow endpoint waits at least, in milliseconds. */
const CROWDED = 5000;
/** Endpoints that are remembered as slow. */
const MOST_SLOW = 10_000;
/** How long requests may still take when the node stops, in milliseconds; then they are given back to the queue. */
const STOP_GRACE = 2000;

/** Takes jobs from the queue and has their attempts made, so many at once. */
@Injectable()
export class DeliveryWorker {
  private readonly logger = new Logger(DeliveryWorker.name);
  private readonly underWay = new Set<Promise<void>>();
  private readonly atEndpoint = new Map<string, number>();
  private readonly slow = new LRUCache<string, true>({ max: MOST_SLOW });
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private isTaking = false;
  private isWoken = false;
  private isStopped = true;

  constructor(
    private readonly queue: DeliveryQueue,
    private readonly deliveries: DeliveryRepository,
    private readonly attempts: DeliveryAttempts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  start(): void {
    this.isStopped = false;
    this.wake();
  }

  /** Takes no more, lets requests end for a moment, and gives back what has not ended. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    const timer = setTimeout(() => this.abort.abort(), STOP_GRACE);
    await Promise.all(this.underWay);
    clearTimeout(timer);
  }

  /** Looks for jobs now: something has been queued, or a slot is free. */
  wake(): void {
    if (this.isStopped) return;
    if (this.isTaking) return void (this.isWoken = true);
    clearTimeout(this.timer);
    this.isTaking = true;
    void this.take()
      .catch((error: unknown) => this.logger.warn(`Webhooks could not be taken: ${String(error)}`))
      .finally(() => this.rest());
  }

  private rest(): void {
    this.isTaking = false;
    if (this.isWoken) {
      this.isWoken = false;
      this.wake();
    } else if (!this.isStopped) {
      this.timer = setTimeout(() => this.wake(), this.config.WEBHOOK_POLL_INTERVAL_MS);
    }
  }

  private async take(): Promise<void> {
    const free = this.config.WEBHOOK_CONCURRENCY - this.underWay.size;
    if (free <= 0) return; // the next one that ends wakes
    const jobs = await this.queue.take(free);
    for (const job of jobs) this.begin(job, jobs.length === free);
  }

  /** @param isFull whether there may be more jobs than were taken */
  private begin(job: DeliveryJob, isFull: boolean): void {
    const attempt = this.handle(job)
      .then((wasCrowded) => isFull && !wasCrowded)
      .catch((error: unknown) => this.logger.warn(`${job.deliveryId}: ${String(error)}`)) // it expires, and is taken again
      .then((isMoreLikely) => {
        this.underWay.delete(attempt);
        if (isMoreLikely) this.wake();
      });
    this.underWay.add(attempt);
  }

  /** @returns whether its endpoint is slow and has all that it may have: the job was put back */
  private async handle(job: DeliveryJob): Promise<boolean> {
    const delivery = await this.deliveries.due(job.deliveryId, job.attempt);
    if (!delivery) {
      await this.attempts.drop(job);
      return false;
    }
    if (this.isCrowded(delivery.endpointId)) {
      await this.attempts.putBack(job, CROWDED * (1 + Math.random()));
      return true;
    }
    await this.occupying(delivery.endpointId, () => this.attempts.make(job, delivery, this.abort.signal));
    return false;
  }

  private isCrowded(endpointId: string): boolean {
    const share = Math.ceil(this.config.WEBHOOK_CONCURRENCY * SLOW_SHARE);
    return this.slow.has(endpointId) && (this.atEndpoint.get(endpointId) ?? 0) >= share;
  }

  /** Counts what is under way at an endpoint, and notes how long it takes. */
  private async occupying(endpointId: string, work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    this.atEndpoint.set(endpointId, (this.atEndpoint.get(endpointId) ?? 0) + 1);
    try {
      await work();
    } finally {
      const left = (this.atEndpoint.get(endpointId) ?? 1) - 1;
      if (left > 0) this.atEndpoint.set(endpointId, left);
      else this.atEndpoint.delete(endpointId);
      if (performance.now() - startedAt > SLOW) this.slow.set(endpointId, true);
      else this.slow.delete(endpointId);
    }
  }
}
