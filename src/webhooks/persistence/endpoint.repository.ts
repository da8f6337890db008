import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.js';
import { type Endpoint, type EndpointChange, type NewEndpoint, TEST_EVENT } from '../endpoint.js';
import * as sql from './endpoint.sql.js';

/** When the breaker of an endpoint opens, and for how long. */
export interface BreakerLimits {
  /** Failures in a row. */
  failures: number;
  /** First time and longest time that it stays open, in milliseconds. */
  open: number;
  longest: number;
}

const COLUMN_OF: Record<keyof EndpointChange, string> = {
  url: 'url',
  description: 'description',
  events: 'events',
  enabled: 'enabled',
  agentId: 'agent_id',
  agentSessionPrefix: 'agent_session_prefix',
  platformUserPrefix: 'platform_user_prefix',
};

/** Table `webhook_endpoints`. Every method throws `service_unavailable` when the database is away. */
@Injectable()
export class EndpointRepository {
  constructor(private readonly database: Database) {}

  list(accountId: number): Promise<Endpoint[]> {
    return this.database.query<Endpoint>(sql.LIST, [accountId]);
  }

  async find(accountId: number, id: string): Promise<Endpoint | undefined> {
    return (await this.database.query<Endpoint>(sql.FIND, [accountId, id]))[0];
  }

  /** @returns `undefined` when the account has `limit` already */
  async create(endpoint: NewEndpoint, limit: number): Promise<Endpoint | undefined> {
    const { agentId, agentSessionPrefix, platformUserPrefix } = endpoint;
    const values = [
      ...[endpoint.id, endpoint.accountId, endpoint.url, endpoint.description, endpoint.events],
      ...[agentId, agentSessionPrefix, platformUserPrefix, endpoint.enabled, endpoint.secret, limit],
    ];
    const rows = await this.database.transaction(async (tx) => {
      await tx.query(sql.LOCK_ACCOUNT, [endpoint.accountId]);
      return tx.query<Endpoint>(sql.INSERT, values);
    });
    return rows[0];
  }

  /** Changes an endpoint; what waits for one that is disabled by that is given up. */
  async update(
    accountId: number,
    id: string,
    change: EndpointChange,
    disabledReason = '',
  ): Promise<Endpoint | undefined> {
    const columns = Object.entries(change)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [COLUMN_OF[name as keyof EndpointChange], value]);
    const isFresh = change.enabled === true || change.url !== undefined;
    return this.database.transaction(async (tx) => {
      if (change.enabled === false) await this.hold(tx, id, 'alone');
      const values = [accountId, id, JSON.stringify(Object.fromEntries(columns)), isFresh];
      const [endpoint] = await tx.query<Endpoint>(sql.UPDATE, values);
      if (endpoint && change.enabled === false) await this.giveUpPending(tx, id, disabledReason);
      return endpoint;
    });
  }

  async rotate(
    accountId: number,
    id: string,
    secret: string,
    graceSeconds: number,
  ): Promise<Endpoint | undefined> {
    return (await this.database.query<Endpoint>(sql.ROTATE, [accountId, id, secret, graceSeconds]))[0];
  }

  /** Deletes an endpoint with its deliveries. @returns whether there was one */
  delete(accountId: number, id: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await this.hold(tx, id, 'alone');
      const deleted = await tx.query(sql.DELETE, [accountId, id]);
      if (deleted.length > 0) await tx.query(sql.DELETE_DELIVERIES, [id]);
      return deleted.length > 0;
    });
  }

  /** The accounts that have an endpoint that is enabled. */
  async subscribed(): Promise<number[]> {
    const rows = await this.database.query<{ accountId: number }>(sql.SUBSCRIBED);
    return rows.map(({ accountId }) => accountId);
  }

  /**
   * Before some deliveries of an endpoint are changed, together with others who do the same, or all of them, `alone`: until
   * the transaction is over.
   */
  async hold(tx: Transaction, id: string, how: 'together' | 'alone'): Promise<void> {
    await tx.query(how === 'alone' ? sql.HOLD_ALONE : sql.HOLD, [id]);
  }

  /** The endpoint wants no more: disabled, and what waits for it given up. To be held alone. */
  async disable(tx: Transaction, id: string, reason: string): Promise<void> {
    await tx.query(sql.DISABLE, [id, reason]);
    await this.giveUpPending(tx, id, reason);
  }

  async succeeded(tx: Transaction, id: string): Promise<void> {
    await tx.query(sql.SUCCEEDED, [id]);
  }

  /** @param isProbe whether it was the one attempt that an open breaker let through */
  async failed(tx: Transaction, id: string, limits: BreakerLimits, isProbe: boolean): Promise<void> {
    await tx.query(sql.FAILED, [id, limits.failures, limits.open, limits.longest, isProbe]);
  }

  /** @returns whether the caller is the one that may try an endpoint whose breaker is half open, for `lease` ms */
  async probe(id: string, lease: number): Promise<boolean> {
    return (await this.database.query(sql.PROBE, [id, lease])).length > 0;
  }

  private async giveUpPending(tx: Transaction, id: string, reason: string): Promise<void> {
    await tx.query(sql.GIVE_UP_PENDING, [id, reason, TEST_EVENT]);
  }
}
