import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { findBinaries } from './binaries.js';
import { accountFor, checkCluster, clusterLink, findCluster, makeDataDirectory } from './cluster.js';
import { createCluster } from './create-cluster.js';
import { Keeper, type Purpose } from './keeper.js';
import { ensureDatabase } from './lock.js';
import type { Installation } from './postmaster.js';
import type { Log } from './reach.js';
import { DATABASE, PORT, SUPERUSER } from './settings.js';

/** A PostgreSQL that Parley runs by itself. */
export interface EmbeddedDatabase {
  /** How to reach it: `host` is the directory of a Unix socket. */
  readonly connection: { host: string; port: number; user: string; database: string };
  /**
   * Lets go of it. A server stops PostgreSQL, quickly and cleanly, and returns when it has ended. A tool does so only
   * when neither a server nor anybody else is connected.
   */
  stop(): Promise<void>;
}

/** What {@link openEmbeddedDatabase} needs to know. */
export interface EmbeddedDatabaseOptions {
  /** Where the data is, or will be: made if it does not exist. */
  dataDir: string;
  /** A `server` is the only one on its data directory; a `tool` visits, beside a server or alone. */
  purpose: Purpose;
  /** Told what happens, a line at a time. */
  log?: Log;
}

/**
 * Opens the PostgreSQL of a data directory: creates it at the first time, starts it unless it runs already (a killed
 * server leaves it running), and as a server makes sure of being the only one.
 *
 * @throws EmbeddedDatabaseError with one sentence that says why it cannot and what to do
 */
export async function openEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const log = options.log ?? (() => undefined);
  const dataDir = resolve(options.dataDir);
  const installation = await install(dataDir, log);
  const keeper = new Keeper(installation, options.purpose, dataDir, log);
  const { client, socketDirectory } = await keeper.open();
  try {
    await ensureDatabase(client, DATABASE);
  } catch (error) {
    await keeper.close();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  return {
    connection: { host: socketDirectory, port: PORT, user: SUPERUSER, database: DATABASE },
    stop: () => (stopped ??= keeper.close()),
  };
}

/** The cluster of a data directory and the programs for it, both made ready. */
async function install(dataDir: string, log: Log): Promise<Installation> {
  await makeDataDirectory(dataDir);
  const link = clusterLink(await realpath(dataDir));
  const existing = await findCluster(link);
  const account = await accountFor(existing);
  const binaries = await findBinaries(account);
  if (existing === undefined) log(`creating a PostgreSQL ${binaries.version} cluster in ${link}`);
  const cluster = existing ?? (await createCluster(link, binaries, account));
  await checkCluster(cluster, binaries.version, account);
  return { cluster, binaries, account };
}
