import type { Database, Statement } from '../../database/database.js';

/** Hits of a key that are to be added to its window. */
export interface Hits {
  readonly key: string;
  readonly count: number;
  /** How long a window lasts that begins now, in milliseconds. */
  readonly ttl: number;
}

/** A window after hits were added to it. */
export interface StoredWindow {
  readonly key: string;
  /** Hits of all nodes together. */
  readonly hits: number;
  /** Milliseconds until it ends. A duration, as the clocks of node and database differ. */
  readonly ends_in: number;
}

/**
 * $1 keys, $2 hits, $3 milliseconds that a new window lasts. Rows are locked in the order of the keys, by every node, or
 * two of them could wait for each other. The commit does not wait for the disk: a crash of PostgreSQL may forget the hits
 * of the last second, which is no reason to let every request pay for an fsync.
 */
const ADD: Statement = {
  name: 'rate-windows.add',
  text: `
INSERT INTO rate_windows AS stored (key, hits, ends_at)
SELECT key, hits, statement_timestamp() + ttl * interval '1 ms'
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick,
     unnest($1::text[], $2::bigint[], $3::int[]) AS new (key, hits, ttl)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET
  hits = excluded.hits + CASE WHEN stored.ends_at > statement_timestamp() THEN stored.hits ELSE 0 END,
  ends_at = CASE WHEN stored.ends_at > statement_timestamp() THEN stored.ends_at ELSE excluded.ends_at END
RETURNING key, hits, (extract(epoch FROM ends_at - clock_timestamp()) * 1000)::float8 AS ends_in`,
};

/** Rows that are in use are passed over: it waits for nobody, so nobody can wait for it in a circle. */
const SWEEP: Statement = {
  name: 'rate-windows.sweep',
  text: `
DELETE FROM rate_windows WHERE key = ANY (ARRAY(
  SELECT key FROM rate_windows WHERE ends_at <= statement_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED))`,
};
/** Most windows that one sweep deletes. */
const SWEEP_SIZE = 10_000;

/** Table `rate_windows`: how much of each budget is spent, on all nodes together. */
export class RateWindows {
  constructor(private readonly database: Database) {}

  /**
   * Adds hits to the windows of their keys, in one statement; a window that is over begins anew.
   *
   * @param hits each key once
   * @throws ParleyError `service_unavailable` when the database is away
   */
  add(hits: readonly Hits[]): Promise<StoredWindow[]> {
    return this.database.query<StoredWindow>(ADD, [
      hits.map(({ key }) => key),
      hits.map(({ count }) => count),
      hits.map(({ ttl }) => ttl),
    ]);
  }

  /** Deletes windows that are over. @throws ParleyError `service_unavailable` when the database is away */
  async sweep(): Promise<void> {
    await this.database.query(SWEEP, [SWEEP_SIZE]);
  }
}
