import type { Client } from 'pg';

/** Held in the database `postgres` by the one server of a DATA_DIR, for its life. The class spells "parl". */
const LOCK = [0x7061726c, 1] as const;

/** Takes the server's lock for the session; false when another session has it. */
export async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS got', [
    ...LOCK,
  ]);
  return rows[0]?.got === true;
}

/** The `application_name` of the session that has the lock. */
export async function lockHolder(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.classid::bigint = $1 AND l.objid::bigint = $2`,
    [...LOCK],
  );
  return rows[0]?.name;
}

/** Whether any other session uses the cluster. */
export async function othersConnected(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ others: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_stat_activity
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS others`,
  );
  return rows[0]?.others === true;
}

/** Creates the database if it is not there; two at once do no harm. */
export async function ensureDatabase(client: Client, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount) return;
  await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`).catch((error: unknown) => {
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  });
}
