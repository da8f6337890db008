import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/database.js';
import type { DueDelivery } from './delivery.js';
import { type BreakerLimits, EndpointRepository } from './persistence/endpoint.repository.js';

/** How much longer than the first time an open breaker may stay open. */
const LONGEST_OPEN = 32;
/** How much longer than a request a probe keeps others from trying, in milliseconds. */
const PROBE_GRACE = 5000;

/**
 * Leaves an endpoint alone that keeps failing, and lets one attempt at a time try whether it is back. Its state is in
 * PostgreSQL, so it holds for all nodes.
 */
@Injectable()
export class CircuitBreaker {
  private readonly limits: BreakerLimits;
  private readonly probeLease: number;
  private readonly jitter: number;

  constructor(
    private readonly endpoints: EndpointRepository,
    @Inject(CONFIG) config: Config,
  ) {
    const open = config.WEBHOOK_BREAKER_MS;
    this.limits = { failures: config.WEBHOOK_BREAKER_FAILURES, open, longest: open * LONGEST_OPEN };
    this.probeLease = config.WEBHOOK_TIMEOUT_MS + PROBE_GRACE;
    this.jitter = config.WEBHOOK_RETRY_BASE_MS;
  }

  /** How long an attempt has to wait, in milliseconds; null: it may be made, perhaps as the probe. */
  async wait({ endpointId, breakerWait }: DueDelivery): Promise<number | null> {
    if (breakerWait === null) return null;
    // What is left may be the lease of a probe, which is back long before, most often.
    if (breakerWait > 0)
      return this.spread(
        breakerWait > this.probeLease ? breakerWait : Math.min(breakerWait, this.limits.open),
      );
    return (await this.endpoints.probe(endpointId, this.probeLease)) ? null : this.spread(this.limits.open);
  }

  /** Comes before an attempt is written down in the same transaction. @param isLast whether {@link disable} will follow */
  async enter(tx: Transaction, endpointId: string, isLast: boolean): Promise<void> {
    await this.endpoints.hold(tx, endpointId, isLast ? 'alone' : 'together');
  }

  /**
   * A success closes it; a failure counts, and one too many, or of a probe, opens it.
   *
   * @param isProbe whether it was the one attempt that an open breaker let through
   */
  async note(tx: Transaction, endpointId: string, isSuccess: boolean, isProbe: boolean): Promise<void> {
    if (isSuccess) await this.endpoints.succeeded(tx, endpointId);
    else await this.endpoints.failed(tx, endpointId, this.limits, isProbe);
  }

  /** The endpoint wants no more. */
  async disable(tx: Transaction, endpointId: string, reason: string): Promise<void> {
    await this.endpoints.disable(tx, endpointId, reason);
  }

  /** What waited for it does not come all at once. */
  private spread(milliseconds: number): number {
    return milliseconds + Math.random() * this.jitter;
  }
}
