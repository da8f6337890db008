import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import type { Account } from './account.js';

/** What a command said and how it ended. */
export interface Outcome {
  ok: boolean;
  output: string;
  /** Set when the command could not even be started. */
  spawnCode?: string;
}

/**
 * The environment of everything that runs here: PG* variables meant for other databases stay out, and messages are
 * in English because some are read back.
 */
export const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };

/** Runs a command to its end, as another account if one is given (which needs root). */
export function run(file: string, args: readonly string[], account?: Account): Promise<Outcome> {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  return new Promise((resolve) => {
    execFile(file, args, { cwd: '/', env: ENVIRONMENT, ...identity }, (error, stdout, stderr) => {
      const outcome: Outcome = { ok: error === null, output: stdout + stderr };
      if (typeof error?.code === 'string') outcome.spawnCode = error.code;
      resolve(outcome);
    });
  });
}

/** Whether the account (or this process) may enter or execute (`x`) or read (`r`) a path: tried, not computed. */
export async function may(mode: 'r' | 'x', path: string, account?: Account): Promise<boolean> {
  if (account !== undefined) {
    return (await run('/bin/sh', ['-c', 'test "-$1" "$2"', 'sh', mode, path], account)).ok;
  }
  const flag = mode === 'r' ? constants.R_OK : constants.X_OK;
  return access(path, flag).then(
    () => true,
    () => false,
  );
}
