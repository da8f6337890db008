import { eventually } from '../../support/eventually.js';
import { launchServer, startServer } from '../../support/server.js';
import { dataDirectories, expectStopped } from './data-directory.js';

jest.setTimeout(60_000);

const directories = dataDirectories();
afterAll(() => directories.cleanUp());

/** Starts a server on the directory and sends SIGTERM as soon as it has said `word`. */
async function interruptAt(word: RegExp, dataDir: string): Promise<void> {
  const server = launchServer({ dataDir });
  await eventually(() => expect(server.output()).toMatch(word), { timeoutMs: 20_000, everyMs: 1 });
  server.child.kill('SIGTERM');
  const code = await server.ended;
  expect({ code, said: server.output() }).toEqual({ code: 0, said: expect.stringContaining('"stopped"') });
  await expectStopped(dataDir);
}

it('a signal before the server listens leaves no PostgreSQL behind', async () => {
  await interruptAt(/PostgreSQL \S+ runs in/, await directories.used());
});

it('a signal while the database is made leaves a directory that the next start can use', async () => {
  const dataDir = await directories.fresh();
  await interruptAt(/creating a PostgreSQL/, dataDir);
  const server = await startServer({ dataDir });
  expect(await server.stop()).toBe(0);
  await expectStopped(dataDir);
});
