import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { startNode } from '../../support/process.js';
import { launchServer, startServer } from '../../support/server.js';
import { dataDirectories } from './data-directory.js';

jest.setTimeout(60_000);

const KEY_LINE = /^ *export PARLEY_API_KEY=(parley_[\w-]{43})$/m;
const KEY_PROGRAM = join(__dirname, '../../../dist/cli/key.js');

const directories = dataDirectories();
let squatter: Server | undefined;
afterEach(() => void squatter?.close());
afterAll(() => directories.cleanUp());

/** A port that something else listens on. */
async function takenPort(): Promise<string> {
  squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  return String((squatter.address() as AddressInfo).port);
}

async function statusWith(url: string, key: string | undefined): Promise<number> {
  return (await fetch(`${url}/v1/api-keys`, { headers: { authorization: `Bearer ${key}` } })).status;
}

it('a start whose port is in use says so in one sentence, and the next one shows the first key', async () => {
  const dataDir = await directories.used();
  const port = await takenPort();
  const refused = launchServer({ dataDir, env: { PORT: port } });
  expect(await refused.ended).toBe(1);
  const said = refused.output().trim().split('\n');
  expect(said.filter((line) => !line.startsWith('{"level":30,'))).toEqual([
    `Parley could not start: port ${port} of 127.0.0.1 is in use; stop what uses it, or set PORT.`,
  ]);

  const server = await startServer({ dataDir });
  const key = KEY_LINE.exec(server.output())?.[1];
  expect(await statusWith(server.url, key)).toBe(200);
  expect(await server.stop()).toBe(0);
  const again = await startServer({ dataDir });
  expect(again.output()).not.toMatch(KEY_LINE);
  expect(await again.stop()).toBe(0);
});

it('a server whose keys were made on the command line does not say that it has shown one', async () => {
  const dataDir = await directories.used();
  const create = startNode([KEY_PROGRAM, 'create'], { DATA_DIR: dataDir });
  expect(await create.ended).toBe(0);
  expect(create.output()).toMatch(/^PostgreSQL \S+ runs in \//m); // which database that was
  const server = await startServer({ dataDir });
  expect(server.output()).toContain('API key: one that was made before.');
  expect(server.output()).not.toMatch(/shown/);
  expect(await server.stop()).toBe(0);
});
