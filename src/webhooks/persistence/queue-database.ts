import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type pg from 'pg';
import type { Db } from 'pg-boss';
import { DataSource } from 'typeorm';
import { Database, type Queryable, type Transaction } from '../../database/database.js';
import { onDatabase } from '../../database/errors.js';
import { PoolShare } from './pool-share.js';

/**
 * pg-boss on the node's own connection pool: no connections of its own, and its jobs change in our transactions.
 *
 * Its maintenance and its migrations are several statements in one text, `BEGIN` to `COMMIT`. Where one of them fails, a
 * connection would go back to the pool with a transaction that has failed and is still open; so it is rolled back here.
 */
@Injectable()
export class QueueDatabase implements Db {
  constructor(
    private readonly database: Database,
    @InjectDataSource() private readonly dataSource: DataSource,
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

  async executeSql(text: string, values: unknown[] = []): Promise<{ rows: object[] }> {
    if (values.length > 0) return QueueDatabase.on(this.database).executeSql(text, values);
    return onDatabase(() => this.run(text));
  }

  private async run(text: string): Promise<{ rows: object[] }> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as pg.PoolClient;
      try {
        const results = [await client.query<object>(text)].flat(); // one for each statement
        return { rows: results.at(-1)?.rows ?? [] };
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    } finally {
      await runner.release();
    }
  }
}

/** As a prepared statement: pg-boss has a dozen, whose texts never change. */
function named(text: string): { name: string; text: string } {
  return { name: `queue.${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`, text };
}
