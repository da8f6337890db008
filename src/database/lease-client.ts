import type pg from 'pg';

/**
 * Takes a connection out of the pool. Whoever has it must hear its errors from the very moment in which the pool no longer
 * does: one that nobody hears ends the process.
 *
 * @param onError hears that the connection was lost; to be taken off before the connection is released
 */
export function leaseClient(pool: pg.Pool, onError: (error: Error) => void): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client) resolve(client.on('error', onError));
      else reject(error ?? new Error('the pool gave neither a connection nor an error'));
    });
  });
}
