import { Inject, Injectable, Logger } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { CONFIG, type Config } from '../config/config.js';
import type { DueDelivery } from './delivery.js';
import { type DeliveryJob, DeliveryQueue } from './delivery-queue.js';
import { DeliveryRequest } from './delivery-request.js';
import { TEST_EVENT } from './endpoint.js';
import { DeliveryRepository, type Verdict } from './persistence/delivery.repository.js';
import { retryDelay } from './retry-schedule.js';
import type { Answer } from './webhook-client.js';

/** An endpoint that answers this wants no more. */
const GONE = 410;

/**
 * Makes attempts: asks the breaker, posts, and writes down what came of it together with what happens next, in one
 * transaction. A worker that is killed in between leaves the job to another: at least once.
 */
@Injectable()
export class DeliveryAttempts {
  private readonly logger = new Logger(DeliveryAttempts.name);

  constructor(
    private readonly queue: DeliveryQueue,
    private readonly deliveries: DeliveryRepository,
    private readonly breaker: CircuitBreaker,
    private readonly request: DeliveryRequest,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param stop when the node stops: the attempt is given back to the queue
   * @throws ParleyError `service_unavailable` when the database is away: the job expires, and is taken again
   */
  async make(job: DeliveryJob, delivery: DueDelivery, stop: AbortSignal): Promise<void> {
    if (!delivery.enabled && delivery.event !== TEST_EVENT)
      return this.giveUp(job, 'the endpoint is disabled');
    const wait = await this.breaker.wait(delivery);
    if (wait !== null) return this.postpone(job, delivery, wait);
    const requested = await this.request.send(delivery, stop);
    if ('gone' in requested) return this.giveUp(job, 'the message does not exist any more');
    if ('stopped' in requested) return this.putBack(job, 0);
    await this.record(job, delivery, requested.startedAt, requested.answer);
  }

  /** Not now: the same attempt once more, later. */
  putBack(job: DeliveryJob, milliseconds: number): Promise<void> {
    return this.queue.settle(job, () => Promise.resolve({ attempt: job.attempt, milliseconds }));
  }

  /** There is nothing to do for a job: its delivery has ended, or is gone. */
  drop(job: DeliveryJob): Promise<void> {
    return this.queue.settle(job, () => Promise.resolve(null));
  }

  private async postpone(job: DeliveryJob, delivery: DueDelivery, wait: number): Promise<void> {
    if (this.isTooLate(delivery, wait)) return this.giveUp(job, 'the endpoint kept failing');
    await this.queue.settle(job, async (tx) => {
      await this.deliveries.postpone(tx, delivery.id, wait);
      return { attempt: job.attempt, milliseconds: wait };
    });
  }

  private giveUp(job: DeliveryJob, reason: string): Promise<void> {
    return this.queue.settle(job, async (tx) => {
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
    const { state, retryIn } = verdict;
    const log = { ...answer, attempt: job.attempt, startedAt };
    await this.queue.settle(job, async (tx) => {
      if (!(await this.deliveries.recordAttempt(tx, delivery.id, log, verdict))) return null;
      await this.breaker.note(tx, delivery, state === 'delivered');
      if (answer.status === GONE) await this.breaker.disable(tx, delivery.endpointId, 'it answered 410 Gone');
      return retryIn === null ? null : { attempt: job.attempt + 1, milliseconds: retryIn };
    });
    if (state === 'dead')
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
}
