import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Account } from './account.js';
import { may } from './command.js';
import { cannotRun } from './errors.js';
import { socketFits } from './settings.js';

const SOCKET_PREFIX = 'parley-pg-';

/** Where the socket goes: into the cluster (`.`), or where that path is too long into a private temporary directory. */
export async function chooseSocketDirectory(cluster: string, account?: Account): Promise<string> {
  if (socketFits(cluster)) return '.';
  for (const base of [tmpdir(), '/tmp']) {
    if (!socketFits(join(base, `${SOCKET_PREFIX}123456`)) || !(await may('x', base, account))) continue;
    const directory = await mkdtemp(join(base, SOCKET_PREFIX)).catch(() => undefined);
    if (directory === undefined) continue;
    if (account !== undefined) await chown(directory, account.uid, account.gid);
    return directory;
  }
  throw cannotRun(`the path ${cluster} is too long for a socket`, 'set DATA_DIR to a shorter path');
}

/** Removes the temporary directory of a socket; any other directory stays. */
export async function removeSocketDirectory(directory: string): Promise<void> {
  if (!basename(directory).startsWith(SOCKET_PREFIX)) return;
  await rm(directory, { recursive: true, force: true });
}
