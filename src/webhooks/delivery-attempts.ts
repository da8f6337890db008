import { Inject, Injectable, Logger } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { CONFIG, type Config } from '../config/config.js';
import type { DueDelivery } from './delivery.js';
import { type DeliveryJob, DeliveryQueue } from './delivery-queue.js';
import { DeliveryRequest } from './delivery-request.js';
import { TEST_EVENT } from './endpoint.js';
import { DeliveryRepository, type Verdict } from './persistence/delivery.repository.js';
import { toIso } from '../kernel/clock.js';
import { retryDelay } from './retry-schedule.js';
import type { Answer } from './webhook-client.js';

/** An endpoint that answers this wants no more. */
const GONE = 410;

/** How the breaker stands to an attempt. */
type Passage =
  /** It is closed, or lets this one through to see whether the endpoint is back. */
  | 'free'
  | 'probe'
  /** It is open, and not asked: this is the last attempt there is, or the only one. */
  | 'forced';

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
    const passage = await this.pass(delivery);
    if (typeof passage === 'number') return this.postpone(job, delivery, passage);
    const requested = await this.request.send(delivery, stop);
    if ('gone' in requested) return this.giveUp(job, 'the message does not exist any more');
    if ('stopped' in requested) return this.putBack(job, 0);
    await this.record(job, delivery, requested.startedAt, requested.answer, passage);
  }

  /**
   * Asks the breaker. What it holds back is tried once more when its time is over, whatever the breaker says: so nothing
   * is given up untried, and nothing waits for ever. A test of a disabled endpoint is tried once, at once.
   *
   * @returns milliseconds, when it has to wait
   */
  private async pass(delivery: DueDelivery): Promise<Passage | number> {
    if (!delivery.enabled) return 'forced';
    const wait = await this.breaker.wait(delivery);
    if (wait === null) return delivery.breakerWait === null ? 'free' : 'probe';
    const left = this.config.WEBHOOK_RETRY_FOR_MS - delivery.age;
    return left > 0 ? Math.min(wait, left) : 'forced';
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
    await this.queue.settle(job, async (tx) => {
      await this.deliveries.postpone(tx, delivery.id, wait, `held back: ${breakerState(delivery)}`);
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
    passage: Passage,
  ): Promise<void> {
    const verdict = this.judge(delivery, answer, passage);
    const { state, retryIn } = verdict;
    const log = { ...answer, attempt: job.attempt, startedAt };
    const isGone = answer.status === GONE;
    await this.queue.settle(job, async (tx) => {
      await this.breaker.enter(tx, delivery.endpointId, isGone);
      if (!(await this.deliveries.recordAttempt(tx, delivery.id, log, verdict))) return null;
      await this.breaker.note(tx, delivery.endpointId, state === 'delivered', passage === 'probe');
      if (isGone) await this.breaker.disable(tx, delivery.endpointId, 'it answered 410 Gone');
      return retryIn === null ? null : { attempt: job.attempt + 1, milliseconds: retryIn };
    });
    if (state === 'dead')
      this.logger.warn(`Webhook ${delivery.endpointId}: ${delivery.id} is a dead letter, ${verdict.error}`);
  }

  private judge(delivery: DueDelivery, { error, status, retryAfter }: Answer, passage: Passage): Verdict {
    if (error === null) return { state: 'delivered', retryIn: null, error: null };
    const tried = delivery.attempts + 1 - delivery.attemptsBefore;
    const { WEBHOOK_RETRY_BASE_MS: base, WEBHOOK_RETRY_MAX_MS: max } = this.config;
    const retryIn = retryDelay(tried, { base, max }, retryAfter);
    const isOver = status === GONE || !delivery.enabled || this.isTooLate(delivery, retryIn);
    const reason = passage === 'forced' && delivery.enabled ? `${error}; ${breakerState(delivery)}` : error;
    return isOver ? { state: 'dead', retryIn: null, error: reason } : { state: 'pending', retryIn, error };
  }

  private isTooLate({ age }: DueDelivery, wait: number): boolean {
    return age + wait > this.config.WEBHOOK_RETRY_FOR_MS;
  }
}

/** Why a delivery is or was held back, for its log. */
function breakerState({ breakerWait, breakerUntil }: DueDelivery): string {
  return breakerUntil && (breakerWait ?? 0) > 0
    ? `the circuit breaker of the endpoint is open until ${toIso(breakerUntil)}`
    : 'the circuit breaker of the endpoint lets one delivery at a time through';
}
