import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliveryWorker } from './delivery-worker.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';

/** Most deliveries that one transaction puts into the queue. */
const BATCH = 500;
/** How often old deliveries are deleted, in milliseconds, and how many at once. */
const CLEAN_INTERVAL = 60_000;
const CLEAN_BATCH = 1000;

/**
 * Puts deliveries that a message's transaction has recorded into the queue: at once on the node that recorded them, and
 * on any node what a killed one has left behind. Taking and queueing is one transaction, so nothing is queued twice.
 */
@Injectable()
export class DeliveryRelay {
  private readonly logger = new Logger(DeliveryRelay.name);
  private sweeper: NodeJS.Timeout | undefined;
  private cleaner: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private isWoken = false;
  private hasFailed = false;

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly queue: DeliveryQueue,
    private readonly worker: DeliveryWorker,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Opens the queue, has the worker begin, and moves what is recorded. @throws as the database does */
  async start(): Promise<void> {
    await this.queue.start();
    this.worker.start();
    this.sweeper = setInterval(() => this.wake(), this.config.WEBHOOK_POLL_INTERVAL_MS);
    this.cleaner = setInterval(() => void this.clean(), CLEAN_INTERVAL);
    this.wake();
  }

  /** Takes no more, waits for what is under way, and gives back what takes too long. */
  async stop(): Promise<void> {
    clearInterval(this.sweeper);
    clearInterval(this.cleaner);
    this.sweeper = undefined;
    await this.running;
    await this.worker.stop();
    await this.queue.stop();
  }

  /** Something has been recorded. Does nothing while the relay is not running. */
  wake(): void {
    if (!this.sweeper) return;
    this.isWoken = true;
    this.running ??= this.run().finally(() => (this.running = undefined));
  }

  private async run(): Promise<void> {
    while (this.isWoken && this.sweeper) {
      this.isWoken = false;
      try {
        const moved = await this.move();
        if (moved > 0) this.worker.wake();
        if (moved === BATCH) this.isWoken = true;
        this.hasFailed = false;
      } catch (error) {
        if (!this.hasFailed) this.logger.warn(`Deliveries could not be queued: ${String(error)}`);
        this.hasFailed = true; // said once, though it is tried again soon and often
      }
    }
  }

  private move(): Promise<number> {
    return this.queue.add((tx) => this.deliveries.takeUnqueued(tx, BATCH));
  }

  private async clean(): Promise<void> {
    try {
      while ((await this.deliveries.forget(this.config.WEBHOOK_LOG_DAYS, CLEAN_BATCH)) === CLEAN_BATCH);
    } catch (error) {
      this.logger.warn(`Old deliveries could not be deleted: ${String(error)}`);
    }
  }
}
