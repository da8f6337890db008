import { lstat, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isRoot, serviceAccount, userName, type Account } from './account.js';
import { may } from './command.js';
import { cannotRun, codeOf, EmbeddedDatabaseError, fileFailure } from './errors.js';

/** Where the cluster of a DATA_DIR is, or a link to it. */
export function clusterLink(dataDir: string): string {
  return join(dataDir, 'postgres');
}

/** Makes DATA_DIR if it is not there. */
export async function makeDataDirectory(dataDir: string): Promise<void> {
  await makeDirectories(dataDir).catch((error: unknown) => {
    throw fileFailure(dataDir, error);
  });
}

/** Not `mkdir`'s own `recursive`: where a parent exists and can hold nothing (/proc), Node.js tries for ever. */
async function makeDirectories(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  if (dirname(path) !== path) await makeDirectories(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    if (!(await isDirectory(path))) throw error;
  });
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The real directory of the cluster behind `link`; undefined when there is none yet. */
export async function findCluster(link: string): Promise<string | undefined> {
  if ((await lstat(link).catch(absent(link))) === undefined) return undefined;
  const cluster = await realpath(link).catch(absent(link));
  if (cluster === undefined) {
    throw cannotRun(
      `${link} points to a cluster that is gone`,
      'bring it back or delete that link to start afresh',
    );
  }
  await checkOwner(cluster);
  const names = await readdir(cluster).catch((error: unknown) => {
    throw fileFailure(cluster, error);
  });
  if (names.includes('PG_VERSION')) return cluster;
  if (names.length === 0) return undefined;
  throw cannotRun(`${cluster} is not a PostgreSQL cluster`, 'move it away');
}

/** Who runs PostgreSQL: this process's user, or as root the owner of the cluster or else a service account. */
export async function accountFor(cluster: string | undefined): Promise<Account | undefined> {
  if (!isRoot()) return undefined;
  if (cluster === undefined) return serviceAccount();
  const { uid, gid } = await stat(cluster);
  return { name: await userName(uid), uid, gid };
}

/** Refuses, in words, a cluster that this PostgreSQL cannot open. */
export async function checkCluster(cluster: string, version: string, account?: Account): Promise<void> {
  const needed = version.split('.')[0];
  const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  if (made !== needed) {
    throw cannotRun(
      `${cluster} was made by PostgreSQL ${made} and this is PostgreSQL ${version}`,
      `move its data with pg_dump and psql of version ${made}, start afresh with another DATA_DIR`,
    );
  }
  if (!(await may('x', cluster, account))) {
    throw cannotRun(
      `${account?.name ?? 'this user'} cannot enter ${cluster}`,
      'open the directories above it (chmod a+x) or move DATA_DIR',
    );
  }
}

async function checkOwner(cluster: string): Promise<void> {
  const { uid } = await stat(cluster);
  const mine = process.getuid?.();
  if (mine === 0 ? uid !== 0 : uid === mine) return;
  const [owner, me] = [await userName(uid), await userName(mine ?? -1)];
  const remedy = mine === 0 ? 'give it to an ordinary user (chown -R)' : `run Parley as root or as ${owner}`;
  throw cannotRun(`${cluster} belongs to ${owner} and this is ${me}`, `${remedy}, set another DATA_DIR`);
}

function absent(path: string): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof EmbeddedDatabaseError) throw error;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fileFailure(path, error);
  };
}
