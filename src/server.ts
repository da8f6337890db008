import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from './app.setup.js';
import { printBanner } from './banner.js';
import { makeFirstKey, prepareCredentials } from './bootstrap.js';
import { type Config, listenHost, loadConfig } from './config/config.js';
import type { DatabaseAddress } from './database/data-source.js';
import { openEmbeddedDatabase } from './database/embedded/open.js';
import { migrateDatabase } from './database/migrate.js';
import { Readiness } from './health/readiness.js';
import { OpenConnections } from './http/open-connections.js';
import { JsonLogger } from './logging.js';
import { listenFailure, startFailure } from './start-failure.js';
import { onStopSignal } from './stop-signals.js';

/** How long after `DRAIN_TIMEOUT_MS`, when every connection is closed, the process has for the rest, in milliseconds. */
const CLOSE_TIMEOUT = 5000;
/** How long a stopping node still takes requests, so that load balancers and kept connections go elsewhere, in milliseconds. */
const NOTICE = 1000;

/** Starts the server, and stops it when the process is asked to stop. A start that fails says why in one sentence. */
export async function run(): Promise<void> {
  const server = new Server();
  onStopSignal((signal, times) => void (times === 1 ? server.stop(signal) : server.giveUp()));
  await server.start();
}

/** A database that is there, and how to let go of it. */
interface OpenDatabase {
  readonly address: DatabaseAddress;
  close(): Promise<void>;
}

class Server {
  private config: Config | undefined;
  private logger: JsonLogger | undefined;
  private database: OpenDatabase | undefined;
  private app: NestFastifyApplication | undefined;
  private connections: OpenConnections | undefined;
  private started: Promise<void> = Promise.resolve();
  private isStopping = false;
  private hasGivenUp = false;

  start(): Promise<void> {
    return (this.started = this.open().catch((error: unknown) => this.fail(error)));
  }

  /** Finishes what is under way, lets go of everything and exits 0. A start is ended at its next step. */
  async stop(signal: string): Promise<void> {
    const timeout = this.config?.DRAIN_TIMEOUT_MS ?? 0;
    this.isStopping = true;
    this.logger?.log(`${signal}: finishing what is under way`, 'Server');
    setTimeout(() => void this.giveUp(), timeout + CLOSE_TIMEOUT).unref();
    try {
      await this.started;
      this.connections?.letGo(timeout);
      this.app?.get(Readiness).drain();
      await this.connections?.giveNotice(Math.min(NOTICE, timeout));
      await this.close();
      this.logger?.log('stopped', 'Server');
    } catch (error) {
      this.logger?.error(error, 'Server');
      process.exitCode = 1;
    }
    process.exit();
  }

  /** The last resort: exits 1 and leaves things unfinished, but no PostgreSQL behind if that can be helped. */
  async giveUp(): Promise<void> {
    if (this.hasGivenUp) process.exit(1);
    this.hasGivenUp = true;
    process.exitCode = 1;
    this.logger?.warn('exiting with work unfinished', 'Server');
    await Promise.race([this.database?.close(), delay(CLOSE_TIMEOUT)]).catch(() => undefined);
    process.exit();
  }

  private async open(): Promise<void> {
    const config = (this.config = loadConfig());
    const logger = (this.logger = new JsonLogger(config.LOG_LEVEL));
    const database = (this.database = await openDatabase(config, logger));
    this.goOn();
    await migrateDatabase(database.address);
    this.goOn();
    const app = (this.app = await createApp(config, database.address, logger));
    await prepareCredentials(app, config);
    this.goOn();
    this.connections = new OpenConnections(app.getHttpServer());
    await listen(app, config);
    this.goOn();
    // Only now: a key that a start made and could not show would be lost.
    printBanner(await app.getUrl(), await makeFirstKey(app, config), config);
  }

  /** Between the steps of a start: a signal may have come meanwhile. */
  private goOn(): void {
    if (this.isStopping) throw new Error('asked to stop');
  }

  private async fail(error: unknown): Promise<void> {
    if (this.isStopping) return; // whatever the error: a Ctrl-C ends what the start runs, too, e.g. initdb
    await this.close().catch(() => undefined);
    process.stderr.write(`${startFailure(error)}\n`);
    process.exitCode = 1;
    setTimeout(() => process.exit(), 1000).unref();
  }

  private async close(): Promise<void> {
    await this.app?.close();
    await this.database?.close();
  }
}

async function openDatabase(config: Config, logger: JsonLogger): Promise<OpenDatabase> {
  if (config.DATABASE_URL) return { address: { url: config.DATABASE_URL }, close: () => Promise.resolve() };
  const log = (line: string): void => logger.log(line, 'EmbeddedDatabase');
  const embedded = await openEmbeddedDatabase({ dataDir: config.DATA_DIR, purpose: 'server', log });
  return { address: embedded.connection, close: () => embedded.stop() };
}

async function listen(app: NestFastifyApplication, config: Config): Promise<void> {
  await app.init(); // its errors are not the port's
  try {
    await app.listen(config.PORT, listenHost(config));
  } catch (error) {
    throw listenFailure(error, config);
  }
}
