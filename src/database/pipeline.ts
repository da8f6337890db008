import type pg from 'pg';
import type { Queryable, Statement } from './database.js';
import { translateDatabaseError } from './errors.js';

/** A connection out of the pool, and how many statements are under way on it. */
interface Lease {
  readonly client: Promise<pg.PoolClient>;
  readonly onError: (error: Error) => void;
  isOpen: boolean;
  unanswered: number;
  broken: Error | undefined;
  isOver: boolean;
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

  /** What is sent one after the other runs in this order, unless something before it fails. */
  async query<Row extends object>(
    { name, text }: Statement,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const lease = this.currentLease();
    lease.unanswered++;
    try {
      const client = await lease.client;
      return (await client.query<Row>({ name, text, values: values as unknown[] })).rows;
    } catch (error) {
      this.retire(lease, error);
      throw translateDatabaseError(error);
    } finally {
      // whoever has waited for this answer may send the next statement in this turn of the event loop
      if (--lease.unanswered === 0) setImmediate(() => void this.giveBack(lease));
    }
  }

  private currentLease(): Lease {
    if (this.lease?.isOpen && this.pool.waitingCount > 0) this.lease = undefined;
    return (this.lease ??= this.take());
  }

  private take(): Lease {
    const onError = (error: Error): void => this.retire(lease, error); // unheard, it would end the process
    const client = this.pool.connect().then((taken) => {
      lease.isOpen = true;
      return taken.on('error', onError);
    });
    const lease: Lease = { client, onError, isOpen: false, unanswered: 0, broken: undefined, isOver: false };
    return lease;
  }

  /** Nothing new goes over a connection on which something went wrong; what is under way there comes to its end. */
  private retire(lease: Lease, error: unknown): void {
    lease.broken ??= error instanceof Error ? error : new Error(String(error));
    if (this.lease === lease) this.lease = undefined;
  }

  private async giveBack(lease: Lease): Promise<void> {
    if (lease.unanswered > 0 || lease.isOver) return;
    lease.isOver = true;
    if (this.lease === lease) this.lease = undefined;
    const client = await lease.client.catch(() => undefined);
    client?.off('error', lease.onError).release(lease.broken);
  }
}
