import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { cannotRun, codeOf } from './errors.js';
import { discardForeignPidFile, readPidFile } from './pid-file.js';
import { startPostmaster, type Installation } from './postmaster.js';
import { PORT, SUPERUSER } from './settings.js';
import { chooseSocketDirectory } from './socket-directory.js';

/** A session with the cluster's maintenance database, and where it was reached. */
export interface Session {
  client: pg.Client;
  socketDirectory: string;
}

const RETRY_MS = 100;
const CONNECT_LIMIT_MS = 10_000;
/** How long something may have the cluster and yet not answer: ending processes, another one's start. */
const TAKEN_LIMIT_MS = 60_000;
/** PostgreSQL's own words for "starting up", "shutting down" and "in recovery": it answers, so it is waited for. */
const CANNOT_CONNECT_NOW = '57P03';

/** Connects to the PostgreSQL that runs on the cluster; undefined when none does. */
export async function connect({ cluster }: Installation, name: string): Promise<Session | undefined> {
  for (;;) {
    const running = await readPidFile(cluster);
    if (running === undefined || running.socketDirectory === '') return undefined;
    try {
      return {
        client: await openClient(running.socketDirectory, name),
        socketDirectory: running.socketDirectory,
      };
    } catch (error) {
      if (codeOf(error) !== CANNOT_CONNECT_NOW) return undefined;
      await delay(RETRY_MS);
    }
  }
}

/**
 * Connects to the PostgreSQL that runs on the cluster, whoever started it, or starts it. Of several that do so at the
 * same time PostgreSQL's own lock file lets one through, and the others come back here and find it.
 */
export async function connectOrStart(installation: Installation, name: string, log: Log): Promise<Session> {
  for (const limit = Date.now() + TAKEN_LIMIT_MS; Date.now() < limit; await delay(RETRY_MS)) {
    const session = await connect(installation, name);
    if (session !== undefined) return session;
    await discardForeignPidFile(installation.cluster);
    const outcome = await startPostmaster(installation, await socketDirectoryOf(installation));
    if (outcome === 'ready')
      log(`PostgreSQL ${installation.binaries.version} runs in ${installation.cluster}`);
  }
  const pid = (await readPidFile(installation.cluster))?.pid ?? 'unknown';
  throw cannotRun(
    `process ${pid} has ${installation.cluster} and does not answer`,
    `stop it or, if it is not PostgreSQL, delete ${installation.cluster}/postmaster.pid`,
  );
}

/** Where lines for the operator go. */
export type Log = (line: string) => void;

async function socketDirectoryOf(installation: Installation): Promise<string> {
  installation.socketDirectory ??= await chooseSocketDirectory(installation.cluster, installation.account);
  return installation.socketDirectory;
}

async function openClient(socketDirectory: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: socketDirectory,
    port: PORT,
    user: SUPERUSER,
    database: 'postgres',
    ssl: false,
    application_name: name,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  client.on('error', () => undefined); // a lost session shows at `end`; without a listener it would end the process
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}
