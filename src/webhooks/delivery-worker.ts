import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { DeliveryAttempts } from './delivery-attempts.js';
import { type DeliveryJob, DeliveryQueue } from './delivery-queue.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';

/** What part of a node's slots one endpoint may have: a slow one leaves room for the others. */
const SHARE = 0.5;
/** How long what finds no slot of its endpoint waits, in milliseconds. */
const CROWDED = 1000;
/** How long requests may still take when the node stops, in milliseconds; then they are given back to the queue. */
const STOP_GRACE = 2000;

/** Takes jobs from the queue and has their attempts made, so many at once. */
@Injectable()
export class DeliveryWorker {
  private readonly logger = new Logger(DeliveryWorker.name);
  private readonly underWay = new Set<Promise<void>>();
  private readonly atEndpoint = new Map<string, number>();
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
    void this.take().finally(() => this.rest());
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

  private begin(job: DeliveryJob, isMoreLikely: boolean): void {
    const attempt = this.handle(job)
      .catch((error: unknown) => this.logger.warn(`${job.deliveryId}: ${String(error)}`)) // it expires, and is taken again
      .finally(() => {
        this.underWay.delete(attempt);
        if (isMoreLikely) this.wake();
      });
    this.underWay.add(attempt);
  }

  private async handle(job: DeliveryJob): Promise<void> {
    const delivery = await this.deliveries.due(job.deliveryId, job.attempt);
    if (!delivery) return this.attempts.drop(job);
    const { endpointId } = delivery;
    const there = this.atEndpoint.get(endpointId) ?? 0;
    if (there >= Math.max(1, this.config.WEBHOOK_CONCURRENCY * SHARE))
      return this.attempts.putBack(job, CROWDED * (1 + Math.random()));
    this.atEndpoint.set(endpointId, there + 1);
    try {
      await this.attempts.make(job, delivery, this.abort.signal);
    } finally {
      const left = (this.atEndpoint.get(endpointId) ?? 1) - 1;
      if (left > 0) this.atEndpoint.set(endpointId, left);
      else this.atEndpoint.delete(endpointId);
    }
  }
}
