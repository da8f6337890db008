import type { EventEmitter } from 'node:events';
import pg from 'pg';

export interface WatchedClientConfig extends pg.ClientConfig {
  /** How long the database may owe an answer, in milliseconds; without it forever. */
  answerTimeout?: number | undefined;
}

/** How often a connection is looked at while an answer may take so long as it may. */
const LOOKS = 4;

/** What a client has of its own, besides what its types tell. */
interface Inside {
  readonly connection: EventEmitter & { readonly stream: { destroy(reason: Error): void } };
}

/**
 * A connection that is cut when the database has owed an answer for too long and gave none, whatever TCP believes. Answers
 * come one after the other, so each begins the time anew; a script of several statements has one answer. There is one timer
 * for each connection: `query_timeout` of `pg` has one for each statement, and keeps what hangs on it until V8's next full
 * collection (decision 22).
 */
export class WatchedClient extends pg.Client {
  /** Since when an answer is owed, on the clock of `performance.now()`; nothing while none is. */
  private owedSince: number | undefined;

  constructor(config: WatchedClientConfig) {
    super(config);
    const { answerTimeout: limit } = config;
    if (limit !== undefined) this.once('connect', () => this.watch(limit));
  }

  /** As `pg` has it: to be called by `pg`'s types, or {@link ask}. */
  override query(...args: never[]): never {
    this.owedSince ??= performance.now();
    return super.query(...(args as unknown as [pg.QueryConfig])) as never;
  }

  private watch(limit: number): void {
    const { connection } = this as unknown as Inside;
    const renew = (): void => {
      if (this.owedSince !== undefined) this.owedSince = performance.now();
    };
    renew(); // what was asked before
    connection.on('readyForQuery', renew);
    this.on('drain', () => (this.owedSince = undefined));
    const isOverdue = (): boolean => performance.now() - (this.owedSince ?? Infinity) > limit;
    const cutIfOverdue = (): void => {
      const reason = new Error(`Connection terminated: no answer for ${limit} ms`);
      if (isOverdue()) (this as unknown as Inside).connection.stream.destroy(reason);
    };
    const timer = setInterval(() => {
      // a process that stood still first reads what has come meanwhile
      if (isOverdue()) setImmediate(cutIfOverdue);
    }, limit / LOOKS);
    timer.unref();
    this.once('end', () => clearInterval(timer));
  }
}

/**
 * Runs a statement: `client.query` with a promise, but for `pg`'s own promise, which keeps the statement and its rows until
 * V8's next full collection (decision 22).
 */
export function ask<Row extends object>(
  client: pg.ClientBase,
  query: pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  return new Promise((resolve, reject) => {
    client.query<Row>(query, (error: Error | undefined, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
