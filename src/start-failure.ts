import { type Config, ConfigError, listenHost } from './config/config.js';
import { EmbeddedDatabaseError } from './database/embedded/errors.js';

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
  if (error instanceof ConfigError)
    return ['The configuration is not valid:', ...error.problems].join('\n  ');
  if (error instanceof EmbeddedDatabaseError) return error.message;
  return `Parley could not start: ${explain(error)}`;
}

function explain(error: unknown): string {
  if (error instanceof StartError) return error.message;
  const { code = '', message, stack } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return `PostgreSQL cannot be reached (${message || code}); check DATABASE_URL.`;
  if (NO_ENTRY.test(code)) return `PostgreSQL lets nobody in (${message}); check DATABASE_URL.`;
  return stack ?? message;
}

/** SQLSTATE of a wrong user or password, and of a database that does not exist. */
const NO_ENTRY = /^(28...|3D000)$/;
