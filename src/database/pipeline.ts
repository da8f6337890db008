import type pg from 'pg';
import { isUnavailable, translateDatabaseError } from './errors.js';
import { leaseClient } from './lease-client.js';
import type { Queryable, Statement } from './queryable.js';
import { ask } from './watched-client.js';

/** A connection out of the pool, and how many statements are under way on it. */
interface Lease {
  readonly client: Promise<pg.PoolClient>;
  readonly onError: (error: Error) => void;
  /** Whether the pool has given it, and others may be waiting for one. */
  isGranted: boolean;
  unanswered: number;
  broken: Error | undefined;
  /** Once: it may have been planned for several times in one turn. */
  isGivenBack: boolean;
}

/**
 * Statements that go out without waiting for the answers of those before (pipelining,
 * https://node-postgres.com/features/pipelining): PostgreSQL runs them one after the other, each in a transaction of its
 * own, and has the next one when it is done with one. The connection is the pool's, and kept only while statements are
 * under way on it; when others wait for a connection, the next statement takes its turn among them.
 */
export class Pipeline implements Queryable {
  private lease: Lease | undefined;

  /** @param pool of clients with `pipeline` on */
  constructor(private readonly pool: pg.Pool) {}

  /**
   * What is sent one after the other runs in this order, as long as it goes over the same connection: after the loss of one,
   * and when others wait for one, the next statement goes over another, beside what is still under way.
   *
   * @throws ParleyError `service_unavailable` when the connection is lost: the statement may have been run or not
   */
  async query<Row extends object>(
    { name, text }: Statement,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const lease = this.currentLease();
    lease.unanswered++;
    try {
      const client = await lease.client;
      return (await ask<Row>(client, { name, text, values: values as unknown[] })).rows;
    } catch (error) {
      const translated = translateDatabaseError(error);
      if (!lease.isGranted || isUnavailable(translated)) this.retire(lease, translated);
      throw translated;
    } finally {
      // whoever has waited for this answer may send the next statement in this turn of the event loop
      if (--lease.unanswered === 0) setImmediate(() => void this.giveBack(lease));
    }
  }

  private currentLease(): Lease {
    if (this.lease?.isGranted && this.pool.waitingCount > 0) this.lease = undefined;
    return (this.lease ??= this.take());
  }

  private take(): Lease {
    const onError = (error: Error): void => this.retire(lease, error);
    const client = leaseClient(this.pool, onError).then((granted) => {
      lease.isGranted = true;
      return granted;
    });
    const fresh = { isGranted: false, unanswered: 0, broken: undefined, isGivenBack: false };
    const lease: Lease = { client, onError, ...fresh };
    return lease;
  }

  /** Nothing new goes over a connection that is lost; what is under way there comes to its end. */
  private retire(lease: Lease, error: Error): void {
    lease.broken ??= error;
    if (this.lease === lease) this.lease = undefined;
  }

  private async giveBack(lease: Lease): Promise<void> {
    if (lease.unanswered > 0 || lease.isGivenBack) return;
    lease.isGivenBack = true;
    if (this.lease === lease) this.lease = undefined;
    const client = await lease.client.catch(() => undefined);
    client?.off('error', lease.onError).release(lease.broken);
  }
}
