import type pg from 'pg';

/** A standby, to which a failover may lead for a while, answers, and cannot write. */
export const CAN_WRITE = `SELECT current_setting('transaction_read_only') = 'off' AS "canWrite"`;

/**
 * After a failover, connections may lead for a while to a server that cannot write. They serve those for whom they were
 * opened, who may only want to read, and are not kept: when the pool has one to give again, it is one that was opened later.
 * Meanwhile each read costs a connection.
 *
 * Each connection that the pool opens from now on is asked once, before its first statement; who has it does not wait.
 */
export function keepWritable(pool: pg.Pool): void {
  const readOnly = new WeakSet<pg.PoolClient>();
  pool.on('connect', (client) => {
    // Not a promise: the answer must be heard before that of the statement behind it, which may give the connection back.
    client.query<{ canWrite: boolean }>(CAN_WRITE, (error: Error | null, result) => {
      if (!error && !result.rows[0]?.canWrite) readOnly.add(client); // after an error the statement behind it fails, too
    });
  });
  pool.on('release', (_error, client) => {
    if (readOnly.has(client)) void client.end(); // the pool looks next, and keeps none that is ending
  });
}
