import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, stat, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { ENVIRONMENT } from './command.js';
import { cannotRun, EmbeddedDatabaseError, serverFailure } from './errors.js';
import { isAlive, readPidFile } from './pid-file.js';
import { postgresArguments } from './settings.js';
import { removeSocketDirectory } from './socket-directory.js';

/** A cluster and what it takes to run PostgreSQL on it. */
export interface Installation {
  /** The real directory. */
  cluster: string;
  binaries: Binaries;
  /** Who PostgreSQL runs as, when this process is root. */
  account?: Account;
  /** Chosen at the first start and kept, so that a restarted PostgreSQL is found where it was. */
  socketDirectory?: string;
}

const POLL_MS = 25;
/** Recovery after a crash replays at most `max_wal_size`; this is far more than it takes. */
const START_LIMIT_MS = 5 * 60_000;
const STOP_LIMIT_MS = 60_000;
/** What PostgreSQL says when another one has the cluster, or its processes are still ending. */
const TAKEN = /lock file ".*" already exists|pre-existing shared memory block/;

/**
 * Starts PostgreSQL in a session of its own, so that a Ctrl-C meant for this process does not reach it, and waits
 * until it takes connections. Answers `taken` when another process has the cluster.
 */
export async function startPostmaster(
  installation: Installation,
  socketDirectory: string,
): Promise<'ready' | 'taken'> {
  const words = await openWords();
  try {
    const { pid, exited } = launch(installation, socketDirectory, words);
    const ended = await Promise.race([exited, untilReady(installation.cluster, pid, exited)]);
    if (ended === undefined) return 'ready';
    const said = `${await readAll(words)}\n${ended}`;
    if (TAKEN.test(said)) return 'taken';
    throw serverFailure('postgres', installation.cluster, (await logTail(installation.cluster)) + said);
  } finally {
    await words.close();
  }
}

/** Stops what runs on the cluster, quickly and cleanly, and waits for its end. */
export async function stopPostmaster(cluster: string): Promise<void> {
  const running = await readPidFile(cluster);
  if (running === undefined || !interrupt(running.pid)) return;
  const limit = Date.now() + STOP_LIMIT_MS;
  while ((await readPidFile(cluster))?.pid === running.pid && isAlive(running.pid)) {
    if (Date.now() > limit) throw stillStopping(running.pid);
    await delay(POLL_MS);
  }
  await removeSocketDirectory(running.socketDirectory);
}

/** SIGINT is PostgreSQL's "fast": end all sessions, write everything down, leave. */
function interrupt(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGINT');
  } catch {
    return false;
  }
}

function stillStopping(pid: number): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `The embedded PostgreSQL (process ${pid}) has not stopped within ${STOP_LIMIT_MS / 1000} s; ` +
      'it will end by itself, and the next start waits for it.',
  );
}

/** A nameless file for what PostgreSQL says before its own log takes over. */
async function openWords(): Promise<FileHandle> {
  const path = join(tmpdir(), `parley-start-${randomBytes(8).toString('hex')}`);
  try {
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return handle;
  } catch (error) {
    throw cannotRun(
      `the temporary directory ${tmpdir()} cannot be written`,
      'set TMPDIR to one that can',
      error,
    );
  }
}

async function readAll(handle: FileHandle): Promise<string> {
  const { size } = await handle.stat();
  const { buffer } = await handle.read({ buffer: Buffer.alloc(size), position: 0 });
  return buffer.toString('utf8');
}

function launch({ cluster, binaries, account }: Installation, socketDirectory: string, words: FileHandle) {
  const child = spawn(binaries.postgres, postgresArguments(cluster, socketDirectory), {
    cwd: '/',
    detached: true,
    env: ENVIRONMENT,
    stdio: ['ignore', words.fd, words.fd],
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  child.unref();
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  return { pid: child.pid, exited };
}

/** Resolves to undefined when ready. Keeps a timer running, as a child that is not waited for keeps nothing alive. */
async function untilReady(
  cluster: string,
  pid: number | undefined,
  exited: Promise<string>,
): Promise<undefined> {
  let over = false;
  void exited.then(() => (over = true));
  for (const limit = Date.now() + START_LIMIT_MS; !over; await delay(POLL_MS)) {
    const file = await readPidFile(cluster);
    if (file?.pid === pid && file?.status === 'ready') return undefined;
    if (Date.now() > limit) {
      throw cannotRun(
        `PostgreSQL is still not ready after ${START_LIMIT_MS / 60_000} minutes`,
        `see ${cluster}/log`,
      );
    }
  }
  return new Promise<never>(() => undefined); // `exited` has won the race
}

/** The end of the newest log file: what PostgreSQL said after its log had taken over. */
async function logTail(cluster: string): Promise<string> {
  const directory = join(cluster, 'log');
  const names = await readdir(directory).catch(() => []);
  const files = await Promise.all(
    names.map(async (name) => ({
      path: join(directory, name),
      at: (await stat(join(directory, name))).mtimeMs,
    })),
  );
  const newest = files.toSorted((a, b) => b.at - a.at)[0];
  if (newest === undefined) return '';
  const lines = (await readFile(newest.path, 'utf8')).trimEnd().split('\n');
  return `${lines.slice(-8).join('\n')}\n`;
}
