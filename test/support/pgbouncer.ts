import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestConnection } from './database.js';
import { eventually } from './eventually.js';
import { type TestProcess, watchProcess } from './process.js';

const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find(
  existsSync,
);

/** Whether it is installed. @throws Error in CI when it is not: nothing is skipped there */
export const hasPgbouncer = isInstalled();

function isInstalled(): boolean {
  if (PROGRAM === undefined && process.env.CI === 'true')
    throw new Error('pgbouncer is missing: .ci/run installs it');
  return PROGRAM !== undefined;
}

/** A PgBouncer of a test's own. */
export interface Pgbouncer {
  /** How the database is reached through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Puts a PgBouncer in front of one database. @param lines more of its configuration */
export async function startPgbouncer(
  { host, port, user, database }: TestConnection,
  mode: 'session' | 'transaction',
  lines: string[] = [],
): Promise<Pgbouncer> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-pgbouncer-'));
  await chmod(directory, 0o755); // as root it runs as another account
  const listenPort = await freePort();
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(
    file,
    [
      '[databases]',
      `* = host=${host} port=${port} user=${user}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${listenPort}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      ...lines,
    ].join('\n'),
  );
  const url = `postgresql://${user}@127.0.0.1:${listenPort}/${database}`;
  const { uid, gid } = await stat(host); // only PostgreSQL's own account gets to its socket
  const bouncer = watchProcess(
    spawn(PROGRAM ?? 'pgbouncer', [file], {
      ...(process.getuid?.() === 0 && { uid, gid }),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const stop = async (): Promise<void> => {
    await bouncer.kill();
    await rm(directory, { recursive: true, force: true });
  };
  await eventually(() => expectAnswer(url, bouncer)).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, stop };
}

async function expectAnswer(url: string, { output }: TestProcess): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } catch (error) {
    throw new Error(`PgBouncer does not answer (${String(error)}):\n${output()}`, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
