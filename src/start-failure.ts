import { type Config, ConfigError, listenHost, VARIABLES } from './config/config.js';
import { EmbeddedDatabaseError } from './database/embedded/errors.js';
import { poolerProblem } from './database/pooler.js';

/** A start that failed for a reason that one sentence can say. */
class StartError extends Error {}

/** Why the server cannot listen where the configuration says. */
export function listenFailure(error: unknown, config: Config): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const place = `port ${config.PORT} of ${listenHost(config)}`;
  return new StartError(
    code === 'EADDRINUSE'
      ? `${place} is in use; stop what uses it, or set PORT.`
      : `it cannot listen on ${place} (${message}); check HOST and PORT.`,
  );
}

/** What a start that failed says to the person at the terminal: one sentence wherever the reason is known. */
export function startFailure(error: unknown): string {
  if (error instanceof EmbeddedDatabaseError || error instanceof ConfigError)
    return knownReason(error) ?? error.message;
  const reason =
    knownReason(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  return `Parley could not start: ${reason}`;
}

/** Why a program of Parley cannot run here, in words for who runs it; `undefined` when it is none of the usual reasons. */
export function knownReason(error: unknown): string | undefined {
  if (error instanceof ConfigError)
    return ['The configuration is not valid:', ...error.problems].join('\n  ');
  if (error instanceof StartError || error instanceof EmbeddedDatabaseError) return error.message;
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  if (OUT_OF_REACH.test(code))
    return `PostgreSQL cannot be reached (${message || code}); check DATABASE_URL.`;
  if (NO_ENTRY.test(code)) return `PostgreSQL lets nobody in (${message}); check DATABASE_URL.`;
  if (code === TOO_MANY_CONNECTIONS)
    return `PostgreSQL has no connection left (${message}); raise its max_connections, or lower DATABASE_POOL_SIZE.`;
  return poolerProblem(error) ?? (namesVariable(message) ? message : undefined);
}

/** Such a message says what to change. */
function namesVariable(message: string): boolean {
  return Object.keys(VARIABLES).some((name) => message.startsWith(`${name} `));
}

/** What Node.js says when nobody answers at an address. */
const OUT_OF_REACH = /^(ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH)$/;
/** SQLSTATE. */
const TOO_MANY_CONNECTIONS = '53300';
/** SQLSTATE of a wrong user or password, and of a database that does not exist. */
const NO_ENTRY = /^(28...|3D000)$/;
