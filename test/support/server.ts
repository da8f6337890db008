import { join } from 'node:path';
import { eventually } from './eventually.js';
import { startNode, type TestProcess } from './process.js';

const MAIN = join(__dirname, '../../dist/main.js');
const ADDRESS = /http:\/\/127\.0\.0\.1:(\d+)/;
const READY_LIMIT_MS = 25_000;

/** What to start: on a database of its own (`databaseUrl`) or with the embedded one (`dataDir`). */
export interface ServerOptions {
  env?: Record<string, string>;
  databaseUrl?: string;
  dataDir?: string;
  /** Defaults to the built server. */
  main?: string;
  /** Who runs it, when the tests run as root. */
  uid?: number;
  gid?: number;
}

/** A server process that answers. */
export interface TestServer extends TestProcess {
  /** For example http://127.0.0.1:40123, without a slash at the end. */
  url: string;
}

/** Starts the built server on a free port and waits until it is ready; if it is not, throws with all it said. */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const process = launchServer(options);
  try {
    const url = await eventually(() => readyAddress(process), { timeoutMs: READY_LIMIT_MS, everyMs: 50 });
    if (url === undefined) throw new Error('it ended');
    return { ...process, url };
  } catch (error) {
    await process.kill();
    throw new Error(`the server did not become ready (${String(error)}). It said:\n${process.output()}`, {
      cause: error,
    });
  }
}

/** Starts the built server and does not wait: for tests of what it says when it cannot start. */
export function launchServer({
  env,
  databaseUrl,
  dataDir,
  main = MAIN,
  uid,
  gid,
}: ServerOptions): TestProcess {
  if ((databaseUrl === undefined) === (dataDir === undefined)) throw new Error('give databaseUrl or dataDir');
  const database = databaseUrl === undefined ? { DATA_DIR: dataDir } : { DATABASE_URL: databaseUrl };
  return startNode([main], { HOST: '127.0.0.1', PORT: '0', ...database, ...env }, { uid, gid, cwd: '/' });
}

/** Throws while it is not ready; undefined when it never will be. */
async function readyAddress(server: TestProcess): Promise<string | undefined> {
  if (server.hasEnded()) return undefined;
  const address = ADDRESS.exec(server.output())?.[0];
  if (address === undefined) throw new Error('it printed no address');
  const { status } = await fetch(`${address}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  if (status !== 200) throw new Error(`GET /health/ready answered ${status}`);
  return address;
}
