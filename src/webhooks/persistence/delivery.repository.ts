import { Injectable } from '@nestjs/common';
import { Database, type Queryable, type Transaction } from '../../database/database.js';
import type { AttemptLog, Delivery, DeliveryState, DueDelivery } from '../delivery.js';
import * as sql from './delivery.sql.js';
import { PoolShare } from './pool-share.js';

/** Where a page of deliveries ended. */
export interface DeliveryPosition {
  createdAt: string;
  id: string;
}

export interface DeliveryPage {
  /** Below this one; without it: from the newest on. */
  before?: DeliveryPosition;
  limit: number;
}

/** What becomes of a delivery after an attempt. */
export interface Verdict {
  state: DeliveryState;
  /** Milliseconds until the next attempt; null: there is none. */
  retryIn: number | null;
  error: string | null;
}

/** Tables `webhook_deliveries` and `webhook_attempts`. Every method throws `service_unavailable` when the database is away. */
@Injectable()
export class DeliveryRepository {
  constructor(
    private readonly database: Database,
    private readonly share: PoolShare,
  ) {}

  list(
    accountId: number,
    endpointId: string,
    { before, limit }: DeliveryPage,
    state: DeliveryState | null,
  ): Promise<Delivery[]> {
    const values = [accountId, endpointId, before?.createdAt ?? null, before?.id ?? null, limit, state];
    return this.database.query<Delivery>(sql.LIST, values);
  }

  listDead(
    accountId: number,
    endpointId: string | null,
    { before, limit }: DeliveryPage,
  ): Promise<Delivery[]> {
    const values = [accountId, endpointId, before?.createdAt ?? null, before?.id ?? null, limit];
    return this.database.query<Delivery>(sql.LIST_DEAD, values);
  }

  async find(accountId: number, endpointId: string, id: string): Promise<Delivery | undefined> {
    return (await this.database.query<Delivery>(sql.FIND, [accountId, endpointId, id]))[0];
  }

  attempts(id: string): Promise<AttemptLog[]> {
    return this.database.query<AttemptLog>(sql.ATTEMPTS, [id]);
  }

  /** An event that is about no message. */
  async create(accountId: number, endpointId: string, event: string): Promise<Delivery> {
    const [delivery] = await this.database.query<Delivery>(sql.INSERT, [accountId, endpointId, event]);
    return delivery as Delivery;
  }

  /**
   * @param ids null: all dead letters
   * @returns how many there were that could be tried anew, `limit` at most
   */
  async replay(
    accountId: number,
    endpointId: string | null,
    ids: readonly string[] | null,
    limit: number,
  ): Promise<number> {
    return (await this.database.query(sql.REPLAY, [accountId, endpointId, ids, limit])).length;
  }

  /** Marks deliveries as queued: whoever calls puts them into the queue, in the same transaction. */
  takeUnqueued(tx: Transaction, limit: number): Promise<{ deliveryId: string; attempt: number }[]> {
    return tx.query(sql.TAKE_UNQUEUED, [limit]);
  }

  /** @returns `undefined` when that attempt is not to be made any more */
  async due(id: string, attempt: number): Promise<DueDelivery | undefined> {
    return (await this.share.run(() => this.database.query<DueDelivery>(sql.DUE, [id, attempt])))[0];
  }

  /** @returns whether it counted: not when the delivery has ended, or somebody else has made this attempt */
  async recordAttempt(tx: Transaction, id: string, log: AttemptLog, verdict: Verdict): Promise<boolean> {
    const { attempt, startedAt, durationMs, status, error, response } = log;
    const { state, retryIn } = verdict;
    const values = [
      id,
      attempt,
      startedAt,
      durationMs,
      status,
      error,
      response,
      state,
      retryIn,
      verdict.error,
    ];
    return (await tx.query(sql.RECORD_ATTEMPT, values)).length > 0;
  }

  async postpone(on: Queryable, id: string, milliseconds: number, reason: string): Promise<void> {
    await on.query(sql.POSTPONE, [id, milliseconds, reason]);
  }

  /** Makes a dead letter of it, without another attempt. */
  async giveUp(on: Queryable, id: string, reason: string): Promise<void> {
    await on.query(sql.GIVE_UP, [id, reason]);
  }

  /** Deletes up to `limit` deliveries that ended more than `days` ago. @returns how many */
  async forget(days: number, limit: number): Promise<number> {
    return (await this.database.query(sql.FORGET, [days, limit])).length;
  }
}
