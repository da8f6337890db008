import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from './app.setup.js';
import { printBanner } from './banner.js';
import { bootstrapCredentials } from './bootstrap.js';
import { type Config, ConfigError, listenHost, loadConfig } from './config/config.js';
import type { DatabaseAddress } from './database/data-source.js';
import { EmbeddedDatabaseError } from './database/embedded/errors.js';
import { openEmbeddedDatabase } from './database/embedded/open.js';
import { migrateDatabase } from './database/migrate.js';
import { IdleConnections } from './http/idle-connections.js';
import { JsonLogger } from './logging.js';

/** A database that is there, and how to let go of it. */
interface OpenDatabase {
  readonly address: DatabaseAddress;
  close(): Promise<void>;
}

/** Starts the server, and stops it when the process is asked to stop. A start that fails says why in one sentence. */
export async function run(): Promise<void> {
  let database: OpenDatabase | undefined;
  try {
    const config = loadConfig();
    const logger = new JsonLogger(config.LOG_LEVEL);
    database = await openDatabase(config, logger);
    await migrateDatabase(database.address);
    const app = await createApp(config, database.address, logger);
    const firstKey = await bootstrapCredentials(app, config);
    await listen(app, config);
    stopOnSignals(app, database, logger, config.DRAIN_TIMEOUT_MS);
    printBanner(await app.getUrl(), firstKey, config);
  } catch (error) {
    await database?.close().catch(() => undefined);
    fail(error);
  }
}

async function openDatabase(config: Config, logger: JsonLogger): Promise<OpenDatabase> {
  if (config.DATABASE_URL) return { address: { url: config.DATABASE_URL }, close: () => Promise.resolve() };
  const log = (line: string): void => logger.log(line, 'EmbeddedDatabase');
  const embedded = await openEmbeddedDatabase({ dataDir: config.DATA_DIR, purpose: 'server', log });
  return { address: embedded.connection, close: () => embedded.stop() };
}

/** A start that failed for a reason that one sentence can say. */
class StartError extends Error {}

async function listen(app: NestFastifyApplication, config: Config): Promise<void> {
  try {
    await app.listen(config.PORT, listenHost(config));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(
      code === 'EADDRINUSE'
        ? 'the port is in use; stop what uses it, or set PORT.'
        : `it cannot listen there (${message}); check HOST and PORT.`,
    );
  }
}

/** SIGTERM and Ctrl-C drain and exit 0; a second one exits at once. */
function stopOnSignals(
  app: NestFastifyApplication,
  database: OpenDatabase,
  logger: JsonLogger,
  timeout: number,
): void {
  let stopping = false;
  const idle = new IdleConnections(app.getHttpServer());
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.log(`${signal}: finishing what is under way`, 'Server');
    setTimeout(() => process.exit(1), timeout + 5000).unref();
    idle.letGo();
    app
      .close()
      .then(() => database.close())
      .then(() => process.exit(0))
      .catch((error: unknown) => {
        logger.error(error, 'Server');
        process.exit(1);
      });
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

function fail(error: unknown): void {
  process.stderr.write(`${reason(error)}\n`);
  process.exitCode = 1;
  setTimeout(() => process.exit(1), 1000).unref();
}

function reason(error: unknown): string {
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
