import { spawn } from 'node:child_process';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase } from '../../support/database.js';
import { openDirectory } from '../../support/embedded.js';
import { eventually } from '../../support/eventually.js';
import { type TestProcess, watchProcess } from '../../support/process.js';
import { startServer, type TestServer } from '../../support/server.js';
import { dataDirectories } from './data-directory.js';

jest.setTimeout(90_000);

const ROOT = join(__dirname, '../../..');
const KEY = /^parley_[\w-]{43}$/;

const directories = dataDirectories();
const shells: TestProcess[] = [];
let server: TestServer | undefined;
afterEach(async () => {
  for (const shell of shells.splice(0)) await shell.kill();
  if (server?.hasEnded() === false) await server.stop();
});
afterAll(() => directories.cleanUp());

/** The commands of the banner: its indented lines, a continued one with what continues it. */
function commands({ output }: TestServer): string[] {
  const lines = /Parley is listening[\s\S]*?\n\n(?=\{|$)/.exec(output())?.[0] ?? '';
  return [...lines.matchAll(/^ {2}\S(?:.*\\\n)*.*$/gm)].map(([command]) => command.trim());
}

const find = (all: string[], word: string) => all.find((command) => command.includes(word)) ?? `no ${word}`;

/** Types lines into a shell that has nothing of ours but `env`. */
function shell(lines: string[], env: NodeJS.ProcessEnv = {}): TestProcess {
  const { PATH, HOME } = process.env;
  const child = spawn('sh', ['-e', '-c', lines.join('\n')], { cwd: '/', env: { PATH, HOME, ...env } });
  const watched = watchProcess(child);
  shells.push(watched);
  return watched;
}

async function said(lines: string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const run = shell(lines, env);
  expect([await run.ended, run.output()]).toEqual([0, expect.any(String)]);
  return run.output().trim();
}

it('the printed lines work as printed, at the first start and later, also with a DATA_DIR of one’s own', async () => {
  const dataDir = join(await directories.fresh(), "bob's data");
  server = await startServer({ dataDir });
  const first = commands(server);
  const setUp = first.filter((command) => /^(cd|export) /.test(command));
  expect(setUp).toHaveLength(3);
  const listener = shell([...setUp, `exec ${find(first, 'listen.mjs')}`]);
  await eventually(() => expect(listener.output()).toContain('ready'), { timeoutMs: 10_000 });
  expect(await said([...setUp, find(first, 'curl')])).toContain('Hello from Parley');
  await eventually(() => expect(listener.output()).toContain('Hello from Parley'));
  expect(await server.stop()).toBe(0);

  server = await startServer({ dataDir });
  const later = commands(server).filter((command) => /^(cd|export) /.test(command));
  const key = (await said([...later, 'echo "$PARLEY_API_KEY"'])).split('\n').at(-1);
  expect(key).toMatch(KEY);
  expect(await said([...later, find(commands(server), 'curl')])).toContain('Hello from Parley');
  expect(await server.stop()).toBe(0);
});

it('where only the built program is, what works there is printed', async () => {
  const image = await openDirectory();
  const database = await createTestDatabase();
  try {
    await mkdir(join(image, 'node_modules'));
    await cp(join(ROOT, 'dist'), join(image, 'dist'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(image, 'package.json'));
    await linkProductionDependencies(image);
    const options = { main: join(image, 'dist/main.js'), databaseUrl: database.url };
    await (await startServer(options)).stop(); // it has shown the first key
    server = await startServer(options);
    const printed = commands(server);
    expect(printed.join('\n')).not.toMatch(/npm|examples|socket\.io-client/);
    const setUp = printed.filter((command) => /^(cd|export) /.test(command));
    const env = { DATABASE_URL: database.url };
    expect(await said([...setUp, 'echo "$PARLEY_API_KEY"'], env)).toMatch(KEY);
    expect(await said([...setUp, find(printed, 'curl')], env)).toContain('Hello from Parley');
    expect(await server.stop()).toBe(0);
  } finally {
    await database.drop();
    await rm(image, { recursive: true, force: true });
  }
});

/** As in the image: what is there only for development is not. */
async function linkProductionDependencies(image: string): Promise<void> {
  const { dependencies } = (await import(join(ROOT, 'package.json'))) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const link = join(image, 'node_modules', name);
    await mkdir(join(link, '..'), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), link);
  }
}
