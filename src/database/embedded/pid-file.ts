import { readFile, readlink, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf } from './errors.js';

/** What a running PostgreSQL says of itself in `postmaster.pid`. */
export interface PidFile {
  pid: number;
  port: number;
  socketDirectory: string;
  /** `starting`, `ready`, `stopping`; empty while it is being written. */
  status: string;
}

/** Reads the text of a `postmaster.pid`; undefined while it is incomplete. */
export function parsePidFile(text: string): PidFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const [pid, , , port, socketDirectory] = lines;
  if (!pid || !/^-?\d+$/.test(pid)) return undefined;
  return {
    pid: Math.abs(Number(pid)),
    port: Number(port) || 0,
    socketDirectory: socketDirectory ?? '',
    status: lines[7] ?? '',
  };
}

/** What runs on a cluster by its own word, with the socket directory made absolute. */
export async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const found = parsePidFile(text);
  if (found === undefined || found.socketDirectory === '') return found;
  return { ...found, socketDirectory: resolve(cluster, found.socketDirectory) };
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/**
 * Removes a `postmaster.pid` whose process id now belongs to another program (after a power cut, or in a restarted
 * container): PostgreSQL sees the id alive and would refuse to start for ever. A postmaster works in its cluster's
 * directory; where that cannot be looked up the file stays.
 */
export async function discardForeignPidFile(cluster: string): Promise<void> {
  const found = await readPidFile(cluster);
  if (found === undefined || !isAlive(found.pid)) return;
  const directory = await readlink(`/proc/${found.pid}/cwd`).catch(() => undefined);
  if (directory === undefined || directory === cluster) return;
  const again = await readPidFile(cluster);
  if (again?.pid === found.pid) await unlink(join(cluster, 'postmaster.pid')).catch(() => undefined);
}
