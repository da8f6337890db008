import { isNativeError } from 'node:util/types';
import pg from 'pg';
import { ParleyError } from '../kernel/errors.js';

/**
 * SQLSTATE classes and codes that say "the database is away or overloaded", not "this statement is wrong".
 * {@link READ_ONLY} too: after a failover a connection may lead to a server that is a standby now.
 */
const AWAY = /^(08|25006|57P0|57014|53|58)/;
/** SQLSTATE of a write to a server that cannot write. */
const READ_ONLY = '25006';
const AWAY_IN_NODE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
]);
/** The last one only where a `DATABASE_URL` asks for `query_timeout`. */
const AWAY_IN_PG =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after calling end|Client was closed|Query read timeout)/;

/** Seconds after which a client may ask again. */
const RETRY_AFTER = 2;

/** `service_unavailable` for a database that is away; every other error as it is. */
export function translateDatabaseError(error: unknown): Error {
  if (!isNativeError(error)) return new Error(String(error));
  if (!isAway(error)) return error;
  const away = new ParleyError(
    'service_unavailable',
    'The database is not available right now.',
    {},
    RETRY_AFTER,
  );
  away.cause = error;
  return away;
}

/** Whether {@link translateDatabaseError} found that the database is away. */
export function isUnavailable(error: Error): boolean {
  return error instanceof ParleyError;
}

/** Whether PostgreSQL itself refused the statement (so nothing of it was kept), and with which SQLSTATE. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Whether PostgreSQL refused to write at all: a standby, after a failover. */
export function isReadOnly(error: unknown): error is pg.DatabaseError {
  return sqlState(error) === READ_ONLY;
}

function isAway(error: Error): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (AWAY.test(code) || AWAY_IN_NODE.has(code))) return true;
  return AWAY_IN_PG.test(error.message);
}

/** Runs work on the database. @throws ParleyError `service_unavailable` when it is away; what `work` throws otherwise */
export async function onDatabase<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateDatabaseError(error);
  }
}
