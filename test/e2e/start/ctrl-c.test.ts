import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { postmasterPid } from '../../support/embedded.js';
import { eventually } from '../../support/eventually.js';
import { startServer } from '../../support/server.js';
import { startInTerminal, type TerminalProcess } from '../../support/terminal.js';
import { dataDirectories, expectStopped } from './data-directory.js';

jest.setTimeout(60_000);

const ROOT = join(__dirname, '../../..');
const SEVERAL_TIMES = [1, 2, 3];

const directories = dataDirectories();
let terminal: TerminalProcess | undefined;
afterEach(async () => {
  if (terminal?.hasEnded() === false) await terminal.kill();
});
afterAll(() => directories.cleanUp());

/** Until the server listens; a build may come first. */
async function listening({ output, hasEnded }: TerminalProcess): Promise<void> {
  const look = () => {
    if (!hasEnded()) expect(output()).toContain('Parley is listening');
  };
  await eventually(look, { timeoutMs: 50_000 });
}

it.each(SEVERAL_TIMES)('Ctrl-C on npm start stops server and database (%i)', async () => {
  const dataDir = await directories.used();
  terminal = startInTerminal(['npm', 'start'], { DATA_DIR: dataDir, PORT: '0' }, ROOT);
  await listening(terminal);
  const pid = await postmasterPid(dataDir);
  terminal.pressControlC();
  const code = await terminal.ended;
  expect({ code, said: terminal.output() }).toEqual({ code: 0, said: expect.stringContaining('"stopped"') });
  await expectStopped(dataDir, pid);
});

it.each(SEVERAL_TIMES)('the same signal twice, as a terminal and npm send it, is one wish (%i)', async () => {
  const dataDir = await directories.used();
  const server = await startServer({ dataDir });
  const pid = await postmasterPid(dataDir);
  server.child.kill('SIGINT');
  await delay(5);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  await expectStopped(dataDir, pid);
});
