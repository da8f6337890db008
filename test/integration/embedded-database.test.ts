import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { startNode, type TestProcess } from '../support/process.js';
import {
  cleanUp,
  expectGone,
  killAndWait,
  launchHolder,
  openDirectory,
  openHolder,
  outcomeOf,
  postmasterPid,
  sql,
  type Holder,
  type HolderOptions,
} from '../support/embedded.js';

jest.setTimeout(60_000);

describe('the embedded database', () => {
  let pristine: string;
  let dataDir: string;
  let started: TestProcess[];

  beforeAll(async () => {
    pristine = await openDirectory();
    await (await openHolder(pristine)).stop();
  });
  afterAll(async () => {
    await cleanUp(pristine);
  });
  beforeEach(async () => {
    dataDir = await openDirectory();
    started = [];
  });
  afterEach(async () => {
    for (const process of started.filter((candidate) => !candidate.hasEnded())) await process.kill();
    await cleanUp(dataDir);
  });

  const launch = (options?: HolderOptions) => {
    const holder = launchHolder(dataDir, options);
    started.push(holder);
    return holder;
  };
  const open = async (options?: HolderOptions): Promise<Holder> => {
    const holder = await openHolder(dataDir, options);
    started.push(holder);
    return holder;
  };
  const failure = async (options?: HolderOptions) => (await outcomeOf(launch(options))).failed ?? 'it opened';
  /** A directory that has been used before, without the second that initdb takes. */
  const useExisting = () => execFileSync('cp', ['-a', join(pristine, 'postgres'), dataDir]);
  const keep = (holder: Holder) => sql(holder.connection, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const kept = (holder: Holder) => sql(holder.connection, 'SELECT answer FROM kept');

  it('is made at the first start: UTF-8, durable, reachable by nobody else', async () => {
    const holder = await open();
    const [settings] = await sql(
      holder.connection,
      `SELECT current_database(), current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit, current_setting('listen_addresses') AS listens,
              upper('é') AS upper`,
    );
    expect(settings).toEqual({
      ...{ current_database: 'parley', encoding: 'UTF8', fsync: 'on', commit: 'on', listens: '', upper: 'É' },
    });
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o077).toBe(0);
  });

  it('keeps its data from one start to the next, and a clean stop leaves no process', async () => {
    const first = await open();
    await keep(first);
    const pid = await postmasterPid(dataDir);
    expect(await first.stop()).toBe(0);
    expectGone(pid);
    const second = await open();
    expect(await kept(second)).toEqual([{ answer: 42 }]);
  });

  it('is adopted with its data when its server was killed', async () => {
    useExisting();
    const first = await open();
    await keep(first);
    const pid = await postmasterPid(dataDir);
    await first.kill();

    const second = await open();
    expect(await postmasterPid(dataDir)).toBe(pid);
    expect(await kept(second)).toEqual([{ answer: 42 }]);
    expect(await second.stop()).toBe(0);
    await eventually(() => expectGone(pid));
  });

  it('recovers what was committed when server and PostgreSQL were killed', async () => {
    useExisting();
    const first = await open();
    await keep(first);
    await first.kill();
    process.kill(await postmasterPid(dataDir), 'SIGKILL'); // and no wait: its children may still be ending
    const second = await open();
    expect(await kept(second)).toEqual([{ answer: 42 }]);
  });

  it('tells a second server that it is in use, and by whom', async () => {
    useExisting();
    const first = await open();
    expect(await failure()).toBe(
      `DATA_DIR ${dataDir} is in use by another Parley server (process ${first.pid}); stop it or set another DATA_DIR.`,
    );
    expect(await sql(first.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each(['fresh', 'existing'])('lets exactly one of several servers have a %s directory', async (kind) => {
    if (kind === 'existing') useExisting();
    const outcomes = await Promise.all([launch(), launch(), launch()].map(outcomeOf));
    const refusals = outcomes.flatMap(({ failed }) => failed ?? []);
    expect(refusals).toHaveLength(2);
    for (const refusal of refusals)
      expect(refusal).toMatch(/is in use by another Parley server \(process \d+\)/);
    const [winner] = outcomes.flatMap(({ opened }) => opened ?? []);
    expect(winner && (await sql(winner, 'SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    expect((await readdir(dataDir)).filter((name) => name !== 'postgres')).toEqual([]);
  });

  it('lets the next server in while the one before is stopping', async () => {
    useExisting();
    const first = await open();
    const stopping = first.stop();
    const second = await open();
    expect(await stopping).toBe(0);
    expect(await sql(second.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is restored, and still locked, when PostgreSQL dies under its server', async () => {
    useExisting();
    const holder = await open();
    const pid = await postmasterPid(dataDir);
    await killAndWait(pid, 'SIGKILL');
    await eventually(() => expect(holder.output()).toContain('is restored'), { timeoutMs: 20_000 });
    expect(await postmasterPid(dataDir)).not.toBe(pid);
    expect(await failure()).toContain(`(process ${holder.pid})`);
    expect(await holder.stop()).toBe(0);
  });

  describe('visited by a tool', () => {
    it('stays when a server is there', async () => {
      useExisting();
      const server = await open();
      const tool = await open({ purpose: 'tool' });
      expect(tool.connection).toEqual(server.connection);
      expect(await tool.stop()).toBe(0);
      expect(await sql(server.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('runs as long as the last of them', async () => {
      useExisting();
      const [first, second] = [await open({ purpose: 'tool' }), await open({ purpose: 'tool' })];
      const pid = await postmasterPid(dataDir);
      expect(await first.stop()).toBe(0);
      expect(await sql(second.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(await second.stop()).toBe(0);
      await eventually(() => expectGone(pid));
    });

    it('stays when a server has come in the meantime', async () => {
      useExisting();
      const tool = await open({ purpose: 'tool' });
      const server = await open();
      expect(await tool.stop()).toBe(0);
      expect(await sql(server.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  describe('after an accident', () => {
    it('starts when initdb was killed half way', async () => {
      const first = launch();
      await eventually(async () => expect((await readdir(dataDir)).join()).toMatch(/^postgres\.new-/));
      await first.kill();
      const [half = ''] = await readdir(dataDir);
      const longAgo = new Date(Date.now() - 3_600_000);
      await mkdir(join(dataDir, 'postgres.new-older'));
      await utimes(join(dataDir, 'postgres.new-older'), longAgo, longAgo);

      const second = await open();
      expect(await sql(second.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      // Leftovers go once they are old enough to be nobody's work in progress.
      expect(existsSync(join(dataDir, 'postgres.new-older'))).toBe(false);
      await rm(join(dataDir, half), { recursive: true, force: true });
    });

    it('starts when the process id of the former PostgreSQL belongs to another program', async () => {
      useExisting();
      const { uid, gid } = await stat(join(dataDir, 'postgres'));
      const stranger = startNode(['-e', 'setInterval(() => {}, 1000)'], {}, { uid, gid, cwd: '/' });
      started.push(stranger);
      await writeFile(
        join(dataDir, 'postgres/postmaster.pid'),
        `${stranger.pid}\n/x\n1\n5432\n.\n\n  1 1\nready   \n`,
      );
      const holder = await open();
      expect(await sql(holder.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(stranger.hasEnded()).toBe(false);
    });

    it('says so when another PostgreSQL version made it', async () => {
      useExisting();
      await writeFile(join(dataDir, 'postgres/PG_VERSION'), '15\n');
      expect(await failure()).toMatch(
        /was made by PostgreSQL 15 and this is PostgreSQL 18\.\d+; .*DATABASE_URL/,
      );
    });

    it('says what PostgreSQL said when it does not start', async () => {
      useExisting();
      await rm(join(dataDir, 'postgres/global'), { recursive: true });
      expect(await failure()).toMatch(/postgres failed in .* \(.*could not.*\); .*DATABASE_URL/);
    });
  });
});
