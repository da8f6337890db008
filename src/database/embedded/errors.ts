/** Why the embedded database cannot serve, as one sentence for the person at the terminal. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}

/** A failure with its reason, its remedy, and the way around: a PostgreSQL of one's own. */
export function cannotRun(reason: string, remedy: string, cause?: unknown): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `The embedded PostgreSQL cannot run: ${reason}; ${remedy}, ` +
      'or set DATABASE_URL to a PostgreSQL server of your own (13 or newer).',
    { cause },
  );
}

/** The `code` of a system or PostgreSQL error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Says what a failed file operation on `path` means. */
export function fileFailure(path: string, error: unknown): EmbeddedDatabaseError {
  if (error instanceof EmbeddedDatabaseError) return error;
  const code = codeOf(error) ?? String(error);
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return cannotRun(`the disk that holds ${path} is full`, 'free some space', error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return cannotRun(
        `${path} cannot be written (${code})`,
        'set DATA_DIR to a directory this user can write',
        error,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return cannotRun(`${path} is not a directory`, 'set DATA_DIR to a directory', error);
    default:
      return cannotRun(`${path} cannot be used (${code})`, 'set DATA_DIR elsewhere', error);
  }
}

/** Says what the last words of initdb or postgres mean. */
export function serverFailure(what: string, place: string, output: string): EmbeddedDatabaseError {
  const cause = new Error(output);
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return cannotRun(`the disk that holds ${place} is full`, 'free some space', cause);
  }
  if (/could not (map anonymous|create|resize|open) shared memory|Cannot allocate memory/.test(output)) {
    return cannotRun(
      `${what} found too little (shared) memory`,
      'give this machine or container more',
      cause,
    );
  }
  if (/Permission denied|Operation not permitted|Read-only file system/.test(output)) {
    return cannotRun(`${what} may not read or write ${place}`, 'correct its owner and permissions', cause);
  }
  return cannotRun(`${what} failed in ${place} (${lastComplaint(output)})`, 'repair what it names', cause);
}

function lastComplaint(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const complaint = lines.findLast((line) => /\b(PANIC|FATAL|ERROR|error|could not)\b/.test(line));
  return complaint ?? lines.at(-1) ?? 'it said nothing';
}
