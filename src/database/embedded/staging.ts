import { createHash, randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { removeAbandoned } from './abandoned.js';

/** Where root keeps what PostgreSQL's own account must reach. */
export const ROOT_HOME = '/var/lib/parley';

const WORK_PREFIX = 'new-';

/**
 * Copies the programs to places that other accounts can enter, one place after the other until the caller is
 * content. Only root comes here: the copies belong to root and nobody else can write them.
 */
export async function* stageBinaries(native: string): AsyncGenerator<string> {
  const name = await contentName(native);
  for (const base of [ROOT_HOME, join(tmpdir(), 'parley-root'), '/tmp/parley-root']) {
    const staged = await stageUnder(base, name, native).catch(() => undefined);
    if (staged !== undefined) yield staged;
  }
}

async function stageUnder(base: string, name: string, native: string): Promise<string | undefined> {
  if (!(await openRootDirectory(base))) return undefined;
  const shelf = join(base, 'binaries');
  if (!(await openRootDirectory(shelf))) return undefined;
  const final = join(shelf, name);
  if (await isRootOnly(final)) return join(final, 'native');
  await removeAbandoned(shelf, WORK_PREFIX);
  const work = join(shelf, WORK_PREFIX + randomBytes(6).toString('hex'));
  try {
    await copyForEveryone(native, join(work, 'native'));
    await chmod(work, 0o755);
    await rename(work, final);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (!(await isRootOnly(final))) throw error; // otherwise another process was faster
  }
  return join(final, 'native');
}

/** Makes a directory all may enter and only root may write; false when somebody else has made it already. */
export async function openRootDirectory(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  if (!(await isRootOnly(path))) return false;
  await chmod(path, 0o755);
  return true;
}

async function isRootOnly(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

async function copyForEveryone(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  for (const path of ['', ...(await readdir(to, { recursive: true }))].map((entry) => join(to, entry))) {
    const entry = await lstat(path);
    if (entry.isSymbolicLink()) continue;
    await chmod(path, entry.isDirectory() || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

/** Names a copy by what is in it: paths and sizes (hashing 60 MB at each start would cost more than it tells). */
async function contentName(native: string): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of (await readdir(native, { recursive: true })).sort()) {
    const found = await lstat(join(native, entry)).catch(() => undefined);
    if (found?.isFile()) hash.update(`${entry}\0${found.size}\0`);
  }
  return `${basename(dirname(native))}-${hash.digest('hex').slice(0, 16)}`;
}
