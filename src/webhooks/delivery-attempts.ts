import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Database, type Transaction } from '../database/database.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import type { DueDelivery } from './delivery.js';
import { type DeliveryJob, DeliveryQueue } from './delivery-queue.js';
import { TEST_EVENT } from './endpoint.js';
import { EventBody } from './event-body.js';
import { DeliveryRepository, type Verdict } from './persistence/delivery.repository.js';
import { type BreakerLimits, EndpointRepository } from './persistence/endpoint.repository.js';
import { retryDelay } from './retry-schedule.js';
import { signatureHeaders } from './signature.js';
import { type Answer, WebhookClient } from './webhook-client.js';

/** How much longer an open breaker is than the first time it opened, at most. */
const LONGEST_OPEN = 32;
/** How much longer than a request a probe keeps others from trying, in milliseconds. */
const PROBE_GRACE = 5000;
/** An endpoint that answers this wants no more. */
const GONE = 410;

/**
 * Makes attempts: asks the breaker, signs, posts, and writes down what came of it together with what happens next, in
 * one transaction. A worker that is killed in between leaves the job to another: at least once.
 */
@Injectable()
export class DeliveryAttempts {
  private readonly logger = new Logger(DeliveryAttempts.name);
  private readonly limits: BreakerLimits;

  constructor(
    private readonly database: Database,
    private readonly queue: DeliveryQueue,
    private readonly deliveries: DeliveryRepository,
    private readonly endpoints: EndpointRepository,
    private readonly body: EventBody,
    private readonly client: WebhookClient,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const open = config.WEBHOOK_BREAKER_MS;
    this.limits = { failures: config.WEBHOOK_BREAKER_FAILURES, open, longest: open * LONGEST_OPEN };
  }

  /**
   * @param stop when the node stops: the attempt is given back to the queue
   * @throws ParleyError `service_unavailable` when the database is away: the job expires, and is taken again
   */
  async make(job: DeliveryJob, delivery: DueDelivery, stop: AbortSignal): Promise<void> {
    if (!delivery.enabled && delivery.event !== TEST_EVENT)
      return this.giveUp(job, 'the endpoint is disabled');
    const wait = await this.breakerWait(delivery);
    if (wait !== null) return this.postpone(job, delivery, wait);
    const body = await this.body.of(delivery);
    if (body === undefined) return this.giveUp(job, 'the message does not exist any more');
    const startedAt = this.clock.now();
    const headers = signatureHeaders(delivery.id, Math.floor(startedAt / 1000), body, delivery.secrets);
    const answer = await this.client.post(delivery.url, body, headers, stop);
    if (answer) await this.record(job, delivery, new Date(startedAt), answer);
    else await this.putBack(job, 0);
  }

  /** Not now: the same attempt once more, later. */
  putBack(job: DeliveryJob, milliseconds: number): Promise<void> {
    return this.settle(job, () => Promise.resolve({ attempt: job.attempt, milliseconds }));
  }

  /** There is nothing to do for a job: its delivery has ended, or is gone. */
  drop(job: DeliveryJob): Promise<void> {
    return this.settle(job, () => Promise.resolve(null));
  }

  /** How long the breaker keeps this attempt waiting, in milliseconds; null: not at all. */
  private async breakerWait({ endpointId, breakerWait }: DueDelivery): Promise<number | null> {
    if (breakerWait === null) return null;
    if (breakerWait > 0) return this.spread(breakerWait);
    const lease = this.config.WEBHOOK_TIMEOUT_MS + PROBE_GRACE;
    return (await this.endpoints.probe(endpointId, lease)) ? null : this.spread(this.limits.open);
  }

  /** What waited for a breaker does not come all at once. */
  private spread(milliseconds: number): number {
    return milliseconds + Math.random() * this.config.WEBHOOK_RETRY_BASE_MS;
  }

  private async postpone(job: DeliveryJob, delivery: DueDelivery, wait: number): Promise<void> {
    if (this.isTooLate(delivery, wait)) return this.giveUp(job, 'the endpoint kept failing');
    await this.settle(job, async (tx) => {
      await this.deliveries.postpone(tx, delivery.id, wait);
      return { attempt: job.attempt, milliseconds: wait };
    });
  }

  private giveUp(job: DeliveryJob, reason: string): Promise<void> {
    return this.settle(job, async (tx) => {
      await this.deliveries.giveUp(tx, job.deliveryId, reason);
      return null;
    });
  }

  private async record(
    job: DeliveryJob,
    delivery: DueDelivery,
    startedAt: Date,
    answer: Answer,
  ): Promise<void> {
    const verdict = this.judge(delivery, answer);
    const log = { ...answer, attempt: job.attempt, startedAt };
    await this.settle(job, async (tx) => {
      if (!(await this.deliveries.recordAttempt(tx, delivery.id, log, verdict))) return null;
      if (verdict.state === 'delivered') await this.endpoints.succeeded(tx, delivery.endpointId);
      else await this.endpoints.failed(tx, delivery.endpointId, this.limits, delivery.breakerWait !== null);
      if (answer.status === GONE)
        await this.endpoints.disable(tx, delivery.endpointId, 'it answered 410 Gone');
      return verdict.retryIn === null ? null : { attempt: job.attempt + 1, milliseconds: verdict.retryIn };
    });
    if (verdict.state === 'dead')
      this.logger.warn(`Webhook ${delivery.endpointId}: ${delivery.id} is a dead letter, ${answer.error}`);
  }

  private judge(delivery: DueDelivery, { error, status, retryAfter }: Answer): Verdict {
    if (error === null) return { state: 'delivered', retryIn: null, error: null };
    const tried = delivery.attempts + 1 - delivery.attemptsBefore;
    const { WEBHOOK_RETRY_BASE_MS: base, WEBHOOK_RETRY_MAX_MS: max } = this.config;
    const retryIn = retryDelay(tried, { base, max }, retryAfter);
    const isOver = status === GONE || this.isTooLate(delivery, retryIn);
    return isOver ? { state: 'dead', retryIn: null, error } : { state: 'pending', retryIn, error };
  }

  private isTooLate({ age }: DueDelivery, wait: number): boolean {
    return age + wait > this.config.WEBHOOK_RETRY_FOR_MS;
  }

  /** Ends a job together with what it leads to: the next one, or none. */
  private async settle(
    job: DeliveryJob,
    work: (tx: Transaction) => Promise<{ attempt: number; milliseconds: number } | null>,
  ): Promise<void> {
    await this.database.transaction(async (tx) => this.queue.settle(tx, job, await work(tx)));
  }
}
