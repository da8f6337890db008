import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Nothing that is built in a working directory here takes longer than seconds. */
const ABANDONED_AFTER_MS = 10 * 60_000;

/**
 * Removes working directories that a process killed half way has left. Judged by age, not by process id: the
 * process that works there now may live in another container.
 */
export async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith(prefix))) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < ABANDONED_AFTER_MS) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
