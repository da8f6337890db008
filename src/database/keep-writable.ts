import type pg from 'pg';

/** A standby, to which a failover may lead for a while, answers, and cannot write. */
export const CAN_WRITE = `SELECT current_setting('transaction_read_only') = 'off' AS "canWrite"`;

/**
 * After a failover, connections may lead for a while to a server that cannot write. They serve those for whom they were
 * opened, who may only want to read, and are not kept: when the pool has one to give again, it is one that was opened later.
 *
 * Each new connection is asked once, before its first statement; who has that connection does not wait for it.
 */
export function keepWritable(pool: pg.Pool): void {
  const readOnly = new WeakSet<pg.PoolClient>();
  pool.on('connect', (client) => {
    client.query<{ canWrite: boolean }>(CAN_WRITE).then(
      ({ rows: [answer] }) => void (answer?.canWrite || readOnly.add(client)),
      () => undefined, // the statement behind it fails as well
    );
  });
  pool.on('release', (_error, client) => {
    if (readOnly.has(client)) void client.end(); // the pool lets go of what is ending
  });
}
