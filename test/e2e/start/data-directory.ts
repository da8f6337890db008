import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cleanUp, expectGone, openDirectory, openHolder, postmasterPid } from '../../support/embedded.js';

/** Data directories for servers with the embedded database. */
export interface DataDirectories {
  /** One that is still empty. */
  fresh(): Promise<string>;
  /** One with a cluster, without the seconds that initdb takes. */
  used(): Promise<string>;
  /** Stops and removes everything. */
  cleanUp(): Promise<void>;
}

export function dataDirectories(): DataDirectories {
  const made: string[] = [];
  let pristine: Promise<string> | undefined;
  const fresh = async () => {
    const directory = await openDirectory();
    made.push(directory);
    return directory;
  };
  const makePristine = async () => {
    const directory = await fresh();
    await (await openHolder(directory)).stop();
    return directory;
  };
  return {
    fresh,
    used: async () => {
      const [source, directory] = [await (pristine ??= makePristine()), await fresh()];
      execFileSync('cp', ['-a', join(source, 'postgres'), directory]);
      return directory;
    },
    cleanUp: async () => {
      for (const directory of made) await cleanUp(directory);
    },
  };
}

/** Throws unless the PostgreSQL of the directory was stopped, and not killed: it has removed its pid file. */
export async function expectStopped(dataDir: string, pid?: number): Promise<void> {
  if (pid !== undefined) expectGone(pid);
  await expect(postmasterPid(dataDir)).rejects.toThrow('ENOENT');
}
