import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { isReadOnly, translateDatabaseError } from './errors.js';
import { keepWritable } from './keep-writable.js';
import { leaseClient } from './lease-client.js';
import { Pipeline } from './pipeline.js';
import type { Queryable, Statement } from './queryable.js';
import { ask } from './watched-client.js';

export type { Queryable, Statement };

/** A transaction under way. */
export type Transaction = Queryable & { readonly kind: 'transaction' };

/**
 * Prepared SQL through TypeORM's own pool. TypeORM keeps schema, migrations and the administrative side; what runs for
 * each message goes this way, because `save` costs 1.8 times as much (design, "What costs what").
 */
@Injectable()
export class Database implements Queryable {
  private readonly pool: pg.Pool;

  constructor(@InjectDataSource() dataSource: DataSource) {
    this.pool = (dataSource.driver as unknown as { master: pg.Pool }).master;
    keepWritable(this.pool);
  }

  async query<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(prepared(statement, values))).rows;
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  /** A connection's worth of statements that need not wait for one another. */
  pipeline(): Pipeline {
    return new Pipeline(this.pool);
  }

  /**
   * Opens a transaction, commits what `work` did, or rolls it back when it throws. The only place that does.
   * Whoever publishes does so after this has returned.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.onConnection(async (client) => {
      await ask(client, { text: 'BEGIN' });
      const result = await work(transactionOn(client));
      await ask(client, { text: 'COMMIT' });
      return result;
    });
  }

  /**
   * Runs several statements in one text, without values. What needs a transaction has its own `BEGIN` and `COMMIT`. All of
   * them together may take as long as one answer may.
   *
   * @returns the rows of the last one
   */
  script<Row extends object>(text: string): Promise<Row[]> {
    return this.onConnection(async (client) => {
      const results = [await ask<Row>(client, { text })].flat(); // one for each statement
      return results.at(-1)?.rows ?? [];
    });
  }

  /** A connection for `work` alone. Where it fails, a transaction that it has left open is rolled back. */
  private async onConnection<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error); // lost between two statements
    const client = await this.connect(onError);
    try {
      return await work(client);
    } catch (error) {
      await ask(client, { text: 'ROLLBACK' }).catch((failed: Error) => (broken = failed));
      if (isReadOnly(error)) broken = error; // the next connection may lead to the server that can write
      throw translateDatabaseError(error);
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  private async connect(onError: (error: Error) => void): Promise<pg.PoolClient> {
    try {
      return await leaseClient(this.pool, onError);
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }
}

function transactionOn(client: pg.PoolClient): Transaction {
  return {
    kind: 'transaction',
    query: async <Row extends object>({ name, text }: Statement, values: readonly unknown[] = []) =>
      (await ask<Row>(client, { name, text, values: values as unknown[] })).rows,
  };
}

/** For a pool: it takes a query of `pg`'s own as it is; any other object `pg` copies, each property with its descriptor. */
function prepared({ name, text }: Statement, values: readonly unknown[]): pg.QueryConfig {
  const query = new pg.Query(text, values as unknown[]) as pg.Query & pg.QueryConfig;
  query.name = name;
  return query;
}
