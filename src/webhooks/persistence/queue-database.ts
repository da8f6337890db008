import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Db } from 'pg-boss';
import { Database, type Queryable, type Statement, type Transaction } from '../../database/database.js';
import { PoolShare } from './pool-share.js';

const TURN: Statement = {
  name: 'queue.turn',
  text: 'SELECT FROM pg_advisory_xact_lock(hashtextextended($1, 0))',
};

/**
 * pg-boss on the node's own connection pool: no connections of its own, and its jobs change in our transactions.
 * Its maintenance and its migrations are several statements in one text, `BEGIN` to `COMMIT`.
 */
@Injectable()
export class QueueDatabase implements Db {
  constructor(
    private readonly database: Database,
    private readonly share: PoolShare,
  ) {}

  /** The same inside a transaction. */
  static on(queryable: Queryable): Db {
    return { executeSql: async (text, values) => ({ rows: await queryable.query(named(text), values) }) };
  }

  /** A transaction, in which the queue changes, too. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.share.run(() => this.database.transaction(work));
  }

  /**
   * Does what no two nodes may do at once. The turn needs a connection, and whatever `work` does another one.
   *
   * @param name of what is done
   */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.transaction(async (tx) => {
      await tx.query(TURN, [name]);
      return work();
    });
  }

  async executeSql(text: string, values: unknown[] = []): Promise<{ rows: object[] }> {
    if (values.length > 0) return QueueDatabase.on(this.database).executeSql(text, values);
    return { rows: await this.database.script(text) };
  }
}

/** As a prepared statement: pg-boss has a dozen, whose texts never change. */
function named(text: string): { name: string; text: string } {
  return { name: `queue.${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`, text };
}
