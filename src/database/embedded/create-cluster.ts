import { randomUUID } from 'node:crypto';
import { chown, mkdtemp, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeAbandoned } from './abandoned.js';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { findCluster } from './cluster.js';
import { may, run } from './command.js';
import { cannotRun, codeOf, fileFailure, serverFailure } from './errors.js';
import { initdbArguments } from './settings.js';
import { openRootDirectory, ROOT_HOME } from './staging.js';

const WORK_PREFIX = 'postgres.new-';

/**
 * Makes the cluster that `link` names and returns its real directory. initdb works in a sibling directory that takes
 * its name only when complete, so a killed one leaves nothing that looks like a cluster; of two that work at the same
 * time the first to finish wins and both use its cluster.
 */
export async function createCluster(link: string, binaries: Binaries, account?: Account): Promise<string> {
  const home = await chooseHome(dirname(link), account);
  await removeAbandoned(home, WORK_PREFIX);
  const work = await makeWorkDirectory(home, account);
  try {
    const outcome = await run(binaries.initdb, initdbArguments(work), account);
    if (!outcome.ok) throw serverFailure('initdb', work, outcome.output || (outcome.spawnCode ?? ''));
    await publish(work, link, home);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw fileFailure(link, error);
  }
  const cluster = await findCluster(link);
  if (cluster === undefined) throw cannotRun(`${link} vanished while it was made`, 'start again');
  return cluster;
}

/** Beside the link; where the account cannot go there, in root's own place outside. */
async function chooseHome(dataDir: string, account?: Account): Promise<string> {
  if (account === undefined || (await may('x', dataDir, account))) return dataDir;
  const outside = join(ROOT_HOME, 'clusters');
  try {
    const usable = (await openRootDirectory(ROOT_HOME)) && (await openRootDirectory(outside));
    if (usable && (await may('x', outside, account))) return outside;
  } catch {
    // told below, together with what would help
  }
  throw cannotRun(
    `PostgreSQL runs as user ${account.name}, who can enter neither ${dataDir} nor ${outside}`,
    'set DATA_DIR to a directory that user can reach',
  );
}

async function makeWorkDirectory(home: string, account?: Account): Promise<string> {
  try {
    const work = await mkdtemp(join(home, WORK_PREFIX));
    if (account !== undefined) await chown(work, account.uid, account.gid);
    return work;
  } catch (error) {
    throw fileFailure(home, error);
  }
}

async function publish(work: string, link: string, home: string): Promise<void> {
  const outside = home !== dirname(link);
  const target = outside ? join(home, randomUUID()) : link;
  try {
    await rename(work, target);
    if (outside) await linkTo(target, link);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (outside) await rm(target, { recursive: true, force: true });
    if (!isTaken(error)) throw error; // otherwise another process was faster
  }
}

async function linkTo(target: string, link: string): Promise<void> {
  await rmdir(link).catch(() => undefined); // an empty directory somebody has prepared
  await symlink(target, link);
}

function isTaken(error: unknown): boolean {
  return ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(codeOf(error) ?? '');
}
