import { Inject, Injectable, Logger } from '@nestjs/common';
import PgBoss from 'pg-boss';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/database.js';
import { QueueDatabase } from './persistence/queue-database.js';

/** The queue's name, and the schema that pg-boss keeps its tables in. */
const QUEUE = 'webhook-deliveries';
const SCHEMA = 'pgboss';
/** How long a worker may be silent beyond the time of one request before its job is another's, in seconds. */
const GRACE_SECONDS = 5;
/** How often jobs of workers that were killed are looked for, by one node for all, in seconds. */
const MAINTENANCE_SECONDS = 10;
/** A job that lost its worker is taken again, however often: when to give up is the delivery's to say. */
const RETRY_LIMIT = 1_000_000;

/** A delivery whose attempt is due. It is this worker's until it is settled, or until the worker has been silent for too long. */
export interface DeliveryJob {
  readonly jobId: string;
  readonly deliveryId: string;
  /** Which attempt of the delivery, from 1: another one has been settled by somebody else. */
  readonly attempt: number;
}

type JobData = Pick<DeliveryJob, 'deliveryId' | 'attempt'>;

/** The durable queue of attempts, in PostgreSQL: pg-boss (decision 17). One job stands for one attempt. */
@Injectable()
export class DeliveryQueue {
  private readonly logger = new Logger(DeliveryQueue.name);
  private running: PgBoss | undefined;
  private readonly expireInSeconds: number;

  constructor(
    private readonly database: QueueDatabase,
    @Inject(CONFIG) { WEBHOOK_TIMEOUT_MS }: Config,
  ) {
    this.expireInSeconds = Math.ceil(WEBHOOK_TIMEOUT_MS / 1000) + GRACE_SECONDS;
  }

  /**
   * Makes the queue's tables if there are none, and begins to look after it. Any number of nodes may, at once.
   *
   * @throws as the database does; then it may be started again
   */
  async start(): Promise<void> {
    // A new one each time: pg-boss takes itself for started when its start has failed.
    const boss = new PgBoss({
      db: this.database,
      schema: SCHEMA,
      schedule: false,
      maintenanceIntervalSeconds: MAINTENANCE_SECONDS,
    });
    boss.on('error', (error) => this.logger.warn(`The queue of webhooks: ${String(error)}`));
    await boss.start();
    const limits = { retryLimit: RETRY_LIMIT, retryDelay: 0, expireInSeconds: this.expireInSeconds };
    // Two that do it at once would deadlock: its function inserts a row, and then locks the table.
    await this.database.inTurn(QUEUE, () => boss.createQueue(QUEUE, { name: QUEUE, ...limits }));
    this.running = boss;
  }

  /** Jobs that were taken and are not settled stay with their worker until they expire. */
  async stop(): Promise<void> {
    await this.running?.stop({ graceful: false });
  }

  /**
   * Puts attempts into the queue, due now.
   *
   * @param take which ones; what it changes is committed with them, or not at all
   * @returns how many
   */
  add(take: (tx: Transaction) => Promise<JobData[]>): Promise<number> {
    const { expireInSeconds } = this;
    return this.database.transaction(async (tx) => {
      const jobs = (await take(tx)).map((data) => ({ name: QUEUE, data, expireInSeconds }));
      if (jobs.length > 0) await this.boss.insert(jobs, { db: QueueDatabase.on(tx) });
      return jobs.length;
    });
  }

  /** Takes up to `limit` jobs that are due, the oldest first. */
  async take(limit: number): Promise<DeliveryJob[]> {
    const jobs = await this.boss.fetch<JobData>(QUEUE, { batchSize: limit });
    return jobs.map(({ id, data }) => ({ jobId: id, ...data }));
  }

  /**
   * Ends a job together with what it leads to, in one transaction.
   *
   * @param work says what follows: which attempt, due in how many milliseconds; null: nothing
   */
  settle(
    { jobId, deliveryId }: DeliveryJob,
    work: (tx: Transaction) => Promise<{ attempt: number; milliseconds: number } | null>,
  ): Promise<void> {
    return this.database.transaction(async (tx) => {
      const next = await work(tx);
      const db = QueueDatabase.on(tx);
      await this.boss.deleteJob(QUEUE, jobId, { db });
      if (!next) return;
      const data: JobData = { deliveryId, attempt: next.attempt };
      const startAfter = Math.max(next.milliseconds, 1) / 1000;
      await this.boss.send(QUEUE, data, { startAfter, expireInSeconds: this.expireInSeconds, db });
    });
  }

  private get boss(): PgBoss {
    if (!this.running) throw new Error('the queue has not been started');
    return this.running;
  }
}
